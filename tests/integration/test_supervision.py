"""A worker whose agents end: it lets all of them finish, whoever fails."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integration.conftest import Kafka

pytestmark = pytest.mark.integration

PATIENCE_SECONDS = 60


@contextmanager
def worker(kafka: Kafka, **ends: str) -> Iterator[subprocess.Popen[str]]:
    """Run a worker of agents that end so, all of which serve."""
    told = [f"{name}={end}" for name, end in ends.items()]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.integration.agents_that_end", kafka.address, *told],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        up = {process.stdout.readline() for _ in ends}
        assert up == {f"{name} serves\n" for name in ends}
        yield process


def test_whoever_fails_all_agents_finish_first(kafka: Kafka) -> None:
    """The second that fails makes Faust cancel the first, which lets all the others stop."""
    with worker(kafka, market="fails", trading="fails", settlement="serves") as process:
        said, wrong = process.communicate(timeout=PATIENCE_SECONDS)
    assert sorted(said.split("\n")[:-1]) == [
        "market has stopped",
        "settlement has stopped",
        "trading has stopped",
    ]
    assert (process.returncode, wrong) == (1, "market can't go on: it broke; the worker ends\n")


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT], ids=lambda told: told.name)
def test_an_agent_that_cannot_stop_holds_up_nobody(kafka: Kafka, told: signal.Signals) -> None:
    with worker(kafka, market="can't stop", trading="serves", settlement="serves") as process:
        process.send_signal(told)
        said, wrong = process.communicate(timeout=PATIENCE_SECONDS)
    assert sorted(said.split("\n")[:-1]) == ["settlement has stopped", "trading has stopped"]
    assert wrong == "market did not stop in order: RuntimeError('no')\n"
    assert process.returncode == 0


def test_it_is_said_who_is_waited_for_in_vain(kafka: Kafka) -> None:
    with worker(kafka, market="never stops", trading="serves") as process:
        process.send_signal(signal.SIGTERM)
        said, wrong = process.communicate(timeout=PATIENCE_SECONDS)
    assert said == "trading has stopped\n"
    assert wrong == "settle: did not stop within 9 s and is ended; waited for market\n"
    assert process.returncode == 1
