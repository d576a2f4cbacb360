"""A simulated clearing firm over HTTP, and its faults (`settle apex-simulator`).

It speaks what docs/clearing-firm.md describes. What it does with a journal follows from the seed,
the `journal_id` and how often that was sent, so the same requests meet the same faults.
"""

import asyncio
import datetime as dt
import logging
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson
from aiohttp import web

from agents.web_server import BoundedRunner
from schemas.instant import micros, time_text

PATH = "/journals"
# A share is compared with so many bits of a hash.
_FATE_BITS = 32
_MEMORY_MAX = 1_000_000
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Faults:
    """Which share of the journals meets what; `rejections`: (share, reason), tried in order."""

    seed: int = 1
    rejections: tuple[tuple[float, str], ...] = ()
    delay_ms: int = 0
    repeat: float = 0.0
    contradict: float = 0.0
    never: float = 0.0
    server_error: float = 0.0
    cut: float = 0.0

    def meets(self, share: float, fault: str, journal_id: str, attempt: int = 0) -> bool:
        """Whether a journal, or an attempt at one, meets a fault."""
        text = f"{self.seed}|{fault}|{journal_id}|{attempt}"
        fate = int.from_bytes(sha256(text.encode()).digest()[: _FATE_BITS // 8], "big")
        return bool(fate < share * 2**_FATE_BITS)


@dataclass(slots=True)
class Journal:
    """What the firm knows of a journal: how often it was sent, and what it said of it."""

    content: dict[str, Any]
    first_sent: float
    requested_at: str
    attempts: int = 0
    answers: list[Answer] = field(default_factory=list)


class Firm:
    """The firm's books: a `journal_id` moves money once, however often it is sent."""

    def __init__(self, faults: Faults, *, history: bool) -> None:
        """Start with empty books; `history`: answers bear the time of their request."""
        self.faults = faults
        self.history = history
        self.journals: dict[str, Journal] = {}

    def decide(self, journal_id: str, journal: Journal) -> list[Answer]:
        """Say what becomes of a journal, once and for all."""
        if journal.answers:
            return journal.answers
        faults = self.faults
        answer: Answer = {"journal_id": journal_id, "status": "COMPLETED"}
        answer["amount"] = journal.content["amount"]
        for number, (share, reason) in enumerate(faults.rejections):
            if faults.meets(share, f"reject{number}", journal_id):
                answer |= {"status": "REJECTED", "reason": reason}
                break
        answer["answered_at"] = self._now(journal)
        answers = [answer]
        if faults.meets(faults.repeat, "repeat", journal_id):
            answers.append(dict(answer))
        if faults.meets(faults.contradict, "contradict", journal_id):
            other = dict(answer)
            if answer["status"] == "COMPLETED":
                other |= {"status": "REJECTED", "reason": "INSUFFICIENT_FUNDS"}
            else:
                del other["reason"]
                other["status"] = "COMPLETED"
            answers.append(other)
        journal.answers = answers
        return answers

    def _now(self, journal: Journal) -> str:
        if self.history:
            return time_text(micros(journal.requested_at) + self.faults.delay_ms * 1000)
        return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    # -- HTTP --------------------------------------------------------------------------------------

    async def asked(self, request: web.Request) -> web.StreamResponse:
        """Take a journal: `POST /journals`."""
        key = request.headers.get("Idempotency-Key", "")
        try:
            content = orjson.loads(await request.read())
            wrong = _wrong(key, content)
        except orjson.JSONDecodeError:
            content, wrong = {}, "the body is no JSON"
        if wrong:
            return _json({"error": wrong}, 400)
        requested_at = content.pop("requested_at")
        journal = self.journals.get(key)
        if journal is None:
            if len(self.journals) >= _MEMORY_MAX:
                return _json({"error": "the books are full"}, 503)
            journal = self.journals[key] = Journal(content, time.monotonic(), requested_at)
        elif journal.content != content:
            return _json({"error": f"{key} was sent with another content"}, 409)
        journal.attempts += 1
        return await self._answered(request, key, journal)

    async def _answered(
        self, request: web.Request, key: str, journal: Journal
    ) -> web.StreamResponse:
        faults, attempt = self.faults, journal.attempts
        if faults.meets(faults.never, "never", key):
            await asyncio.Event().wait()  # until the other side has had enough
        if faults.meets(faults.server_error, "5xx", key, attempt):
            return _json({"error": "a fault that was asked for"}, 503)
        cut = faults.meets(faults.cut, "cut", key, attempt)
        before = cut and faults.meets(0.5, "before", key, attempt)
        waited_ms = (time.monotonic() - journal.first_sent) * 1000
        if not before and waited_ms < faults.delay_ms:
            left = max(1, round((faults.delay_ms - waited_ms) / 1000))
            return _json({"status": "PENDING"}, 202, {"Retry-After": str(left)})
        answers = [] if before else self.decide(key, journal)
        if cut:
            # The money may have moved; only the answer is lost.
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError
        return _json({"answers": answers}, 200)

    async def shown(self, _request: web.Request) -> web.Response:
        """Show the books: `GET /journals`."""
        return _json(
            {
                "journals": [
                    {"journal_id": key, "attempts": one.attempts, **one.content}
                    | {"answers": one.answers}
                    for key, one in self.journals.items()
                ]
            },
            200,
        )


def _wrong(key: str, content: object) -> str | None:
    names = {"journal_id", "cash_call_id", "account_id", "client", "direction", "amount"}
    if not isinstance(content, dict):
        return "the body is no JSON object"
    missing = sorted(
        name for name in names | {"requested_at"} if not isinstance(content.get(name), str)
    )
    if missing:
        return f"no {missing[0]}"
    if key != content["journal_id"]:
        return "the Idempotency-Key is not the journal_id"
    try:
        micros(content["requested_at"])
    except ValueError as error:
        return str(error)
    return None


def _json(value: object, status: int, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=orjson.dumps(value) + b"\n",
        status=status,
        headers=headers,
        content_type="application/json",
    )


async def serve(firm: Firm, host: str, port: int) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Raises:
        OSError: nobody may listen there.
    """
    # What a cut connection says of itself.
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL)
    application = web.Application()
    application.add_routes([web.post(PATH, firm.asked), web.get(PATH, firm.shown)])
    runner = BoundedRunner(application, shutdown_timeout=1.0)
    await runner.setup()
    listening = socket.create_server((host, port))
    try:
        await web.SockSite(runner, listening).start()
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ended.set)
        where = f"http://{host}:{listening.getsockname()[1]}{PATH}"
        sys.stdout.write(f"clearing firm at {where}\n")
        sys.stdout.flush()
        await ended.wait()
    finally:
        await runner.cleanup()
