"""Run a worker in the foreground, under Faust's supervision, until a signal or an error."""

import asyncio
import io
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import NoReturn

import faust
import mode.loop
from typing_extensions import override

from agents.app import Worker

# Docker kills after ten: what is not committed by then is done again by the next owner.
_STOP_SECONDS = 9.0
# Then Kafka is asked whether it is there at all.
_KAFKA_SECONDS = 0.7
# What Faust gets of it when the agents have stopped.
_FAUST_SECONDS = 2.0


def serve(worker: Worker) -> None:
    """Run until SIGTERM, Ctrl-C or an error; ends the process with 0, or 1 after an error.

    A stop while Kafka is away is no error: nothing can be committed, and what is not is done again,
    so the process ends with 0 and says so. One that hangs while Kafka is there ends with 1.
    """
    # Before there is a loop: docs/decisions/0017.
    mode.loop.use("uvloop")
    process = _Process(worker)
    worker.on_stop = process.end_at_latest
    worker.stopped = process.end_soon
    try:
        process.execute_from_commandline()
    except (Exception, SystemExit):
        if worker.failed is None:
            raise
        sys.exit(1)  # why has been said


class _Process(faust.Worker):
    """Faust's worker, which stops the agents before everything else."""

    def __init__(self, worker: Worker) -> None:
        super().__init__(
            worker.app,
            quiet=True,
            redirect_stdouts=False,
            override_logging=False,
            stdout=io.StringIO(),  # a spinner, and marks that hide a terminal's cursor
            stderr=io.StringIO(),  # where a worker that crashed did; we say why
        )
        self._agents = worker
        self._agents_have_stopped = False
        self._signalled = False
        self._ending = threading.Lock()

    @override
    def _schedule_shutdown(self, signal: signal.Signals) -> None:
        self._signalled = not self.crashed
        self.end_at_latest()
        super()._schedule_shutdown(signal)

    @override
    async def _stop_on_signal(self, signal: signal.Signals) -> None:
        # They finish, commit and leave their groups; Faust's own streams hold no money and may take
        # longer, in a rebalance for ever.
        await self._agents.stop()
        self.end_soon()
        if await asyncio.to_thread(self._kafka_is_away):
            self._end()  # Faust would wait for it
        await super()._stop_on_signal(signal)

    def end_at_latest(self) -> None:
        """End the process when stopping takes too long: a call to a broker that is gone hangs."""
        self._end_after(_STOP_SECONDS)

    def end_soon(self) -> None:
        """End the process when only Faust is left to stop."""
        self._agents_have_stopped = True
        self._end_after(_FAUST_SECONDS)

    def _end_after(self, seconds: float) -> None:
        watchdog = threading.Timer(seconds, self._end)
        watchdog.daemon = True
        watchdog.start()

    def _end(self) -> None:
        self._ending.acquire()  # for good: the first of the watchdogs ends the process
        in_order = self._signalled and self._agents.failed is None
        if in_order and self._kafka_is_away():
            self._end_with(
                0,
                f"stopped while Kafka at {self._agents.live.broker.bootstrap} does not answer;"
                " what is not committed is done again by the next worker",
            )
        if self._agents_have_stopped:
            # All that matters has ended; if not for a signal, why has been said.
            self._end_with(0 if in_order else 1, "")
        waited_for = ", ".join(self._agents.still_stopping()) or "Faust"
        self._end_with(
            1, f"did not stop within {_STOP_SECONDS:.0f} s and is ended; waited for {waited_for}"
        )

    @staticmethod
    def _end_with(status: int, said: str) -> NoReturn:
        try:
            if said:
                sys.stderr.write(f"settle: {said}\n")
            sys.stderr.flush()
        finally:
            os._exit(status)

    def _kafka_is_away(self) -> bool:
        answered = threading.Event()

        def ask() -> None:
            # With a loop of its own: the worker's is busy with what hangs.
            with suppress(Exception):
                asyncio.run(self._agents.live.broker.partitions())
                answered.set()

        threading.Thread(target=ask, daemon=True).start()
        return not answered.wait(_KAFKA_SECONDS)
