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
