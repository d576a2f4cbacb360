"""What the agents of one worker share."""

from dataclasses import dataclass

from agents.broker import Broker
from agents.buckets import Buckets


@dataclass(frozen=True, slots=True)
class Live:
    """Where the pipeline runs, and where clients find their files."""

    broker: Broker
    partitions: int
    quiet_commit_ms: int
    buckets: Buckets
    web_host: str
    web_port: int
