"""A worker whose agents are told how to end: agents_that_end.py BROKER NAME=END ...

END is one of `ENDS`. Each agent says on standard output that it serves, and that it has stopped.
What is tried is the supervision: there is no task, and Kafka is there for Faust.
"""

import asyncio
import logging
import socket
import sys
from types import SimpleNamespace
from typing import Any, cast

from agents import app
from agents.broker import Broker
from agents.buckets import Buckets
from agents.live import Live
from agents.runner import TaskRunner
from agents.serve import serve

ENDS = ("serves", "fails", "can't stop", "never stops")


class Agent:
    """What the worker knows of an agent."""

    def __init__(self, name: str, end: str) -> None:
        self.kind = SimpleNamespace(name=name)
        self.owned: dict[int, Any] = {}
        self.joined = True
        self._end = end

    async def start(self) -> None:
        """Join no group."""

    async def supervise(self) -> None:
        """Fail soon, or wait to be cancelled."""
        self._say("serves")
        if self._end == "fails":
            await asyncio.sleep(0.5)
            raise RuntimeError("it broke")
        await asyncio.Event().wait()

    async def stop(self) -> None:
        """Take a moment, as who finishes and commits."""
        if self._end == "can't stop":
            raise RuntimeError("no")
        await asyncio.sleep(60 if self._end == "never stops" else 1)
        self._say("has stopped")

    def _say(self, text: str) -> None:
        sys.stdout.write(f"{self.kind.name} {text}\n")
        sys.stdout.flush()


def _factory(name: str, end: str) -> Any:  # noqa: ANN401 - in the place of an agent's
    return lambda _: cast("TaskRunner", Agent(name, end))


def main() -> None:
    """Run until a signal, or until an agent fails."""
    bootstrap, *told = sys.argv[1:]
    ends = dict(word.split("=") for word in told)
    for name, end in ends.items():
        if end not in ENDS:
            raise AssertionError(f"{end!r} is none of {ENDS}")
        app.AGENTS[name] = _factory(name, end)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    for name in ("aiokafka", "mode", "faust", "asyncio", "agents"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    live = Live(
        Broker(bootstrap), 1, 1000, Buckets("file:nowhere"), socket.create_server(("127.0.0.1", 0))
    )
    serve(app.Worker(live, list(ends), with_clock=False))


if __name__ == "__main__":
    main()
