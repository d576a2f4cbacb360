"""A file in the client's bucket."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.event import Emitted

ReportName = Literal[
    "AGED_TPJ",
    "SOD_AGED_TPJ",
    "EXECUTION_CONFIRM",
    "POSITIONS",
    "CASH_BALANCE",
    "CASH_ACTIVITY",
    "NET_SETTLEMENT",
    "NET_SETTLEMENT_SUMMARY",
]


# Why a file is not in its bucket: we are not let in; there is no such bucket; another content is
# under its key; no answer, or an error that may pass; the records that hold its content are gone.
PutReason = Literal["NOT_ALLOWED", "NO_BUCKET", "OTHER_CONTENT", "UNAVAILABLE", "CONTENT_GONE"]


class ReportDelivered(Emitted):
    """`uri` = `s3://{client}/{key}`; `rows` without headers; `control_total`: docs/readings.md."""

    type: Literal["ReportDelivered"]
    client: str
    report: ReportName
    uri: str
    rows: int
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    control_total: str


class ReportIssued(Emitted):
    """Internal: one part of a file that is to be put; `part` counts 1, 2 ... in order.

    The last part carries the facts of the whole file, and the id that its `ReportDelivered` will
    have; they are null in the others.
    """

    type: Literal["ReportIssued"]
    client: str
    report: ReportName
    key: str
    part: int
    text: str
    delivered_id: str | None
    rows: int | None
    sha256: str | None
    control_total: str | None


class FilePut(Emitted):
    """Internal: a file is in its client's bucket; `cause_id` is the id of its `ReportDelivered`."""

    type: Literal["FilePut"]
    client: str
    key: str
    sha256: str


class FileNotPut(Emitted):
    """Internal: a file could not be put: its client is parked. `detail` is for a person."""

    type: Literal["FileNotPut"]
    client: str
    key: str
    reason: PutReason
    detail: str
