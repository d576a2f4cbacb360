"""What the agents of one worker share."""

from dataclasses import dataclass
from pathlib import Path

from agents.broker import Broker


@dataclass(frozen=True, slots=True)
class Live:
    """Where the pipeline runs; `files` is the folder that stands for the clients' buckets."""

    broker: Broker
    partitions: int
    quiet_commit_ms: int
    files: Path
    web_host: str
    web_port: int
