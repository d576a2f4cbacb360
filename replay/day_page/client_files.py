"""The files that clients got."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from replay.day_page.period import Period
from replay.day_page.topic_events import Event
from schemas.instant import Micros, micros

_SCHEME = "s3://"


@dataclass(frozen=True, slots=True)
class ClientFile:
    """A file of a client; `path` is relative to the directory, `control` its control total."""

    client: str
    report: str
    path: str
    rows: int
    control: str
    delivered_at: Micros
    is_there: bool


class ClientFiles:
    """Files delivered in the period, by client, in the order of their delivery."""

    def __init__(self, directory: Path) -> None:
        """Take the replay directory, in which the files are looked for."""
        self._directory = directory
        self.by_client: dict[str, list[ClientFile]] = {}

    @property
    def count(self) -> int:
        """How many files there are."""
        return sum(map(len, self.by_client.values()))

    @property
    def by_report(self) -> Counter[str]:
        """How many there are of each kind."""
        return Counter(f.report for files in self.by_client.values() for f in files)

    @property
    def missing(self) -> list[ClientFile]:
        """Those that were delivered and are not in the directory."""
        return [f for files in self.by_client.values() for f in files if not f.is_there]

    def read(self, events: Iterable[Event], period: Period) -> None:
        """Keep the deliveries of a period."""
        for event in events:
            at = micros(event["event_time"])
            if at not in period:
                continue
            path = f"s3/{event['uri'].removeprefix(_SCHEME)}"
            self.by_client.setdefault(event["client"], []).append(
                ClientFile(
                    event["client"],
                    event["report"],
                    path,
                    event["rows"],
                    event["control_total"],
                    at,
                    (self._directory / path).is_file(),
                )
            )
        self.by_client = dict(sorted(self.by_client.items()))
