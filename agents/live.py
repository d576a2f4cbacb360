"""What the agents of one worker share."""

import socket
from dataclasses import dataclass

from agents.broker import Broker
from agents.buckets import Buckets
from agents.clearing_firm import FirmAddress


@dataclass(frozen=True, slots=True)
class Live:
    """Where the pipeline runs, where clients find their files, and the clearing firm, if one is."""

    broker: Broker
    partitions: int
    quiet_commit_ms: int
    buckets: Buckets
    # Where the worker's pages are served.
    listening: socket.socket
    firm: FirmAddress | None = None
    # The setting: free texts of clients' files are safe to open in a spreadsheet.
    csv_safe: bool = False
