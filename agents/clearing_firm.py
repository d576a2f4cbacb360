"""The clearing firm over HTTP: a journal is asked for, and what it says is read, never guessed.

The endpoint is described in docs/clearing-firm.md. A request may be sent again at will: the firm
knows it by its `Idempotency-Key`, the `journal_id`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any

import aiohttp
import orjson

from schemas.instant import micros, time_text

# Of a body that we don't understand, so much is kept: it travels in a dead letter.
_KEPT_BYTES = 8192
_TOO_LONG_BYTES = 1 << 20
# An answer, or a refusal of this very request. All else says nothing of the journal: it is on its
# way (202), the firm is in trouble (5xx), or it does not let us in (401, 403, 404).
_OK = 200
_REFUSED_REQUEST = frozenset({400, 406, 409, 410, 411, 412, 413, 414, 415, 422, 428, 431})


class NoAnswerError(Exception):
    """The firm has not answered yet; `after` seconds it likes to be asked again, if it said so."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


@dataclass(frozen=True, slots=True)
class FirmAddress:
    """Where the firm takes journals, and how we show who we are; the token is never shown."""

    url: str
    timeout_ms: int
    # So long a journal is asked for; then the next retry of its cash call has to ask again.
    give_up_ms: int
    token: str | None = field(default=None, repr=False)


class ClearingFirm:
    """The firm, as one session of HTTP."""

    def __init__(self, address: FirmAddress) -> None:
        """Take its address; `open` connects."""
        self._address = address
        self._session: aiohttp.ClientSession | None = None

    async def open(self, connections_max: int) -> None:
        """Make the session."""
        headers = {"Accept": "application/json"}
        if self._address.token is not None:
            headers["Authorization"] = f"Bearer {self._address.token}"
        self._session = aiohttp.ClientSession(
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=self._address.timeout_ms / 1000),
            connector=aiohttp.TCPConnector(limit=connections_max),
        )

    async def close(self) -> None:
        """End the session."""
        if self._session is not None:
            await self._session.close()

    async def ask(self, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Ask for a journal and return what the firm says, as values of `apex-journal-results`.

        Raises:
            NoAnswerError: nothing is known yet: no connection, no time, an error of the firm's.
        """
        if self._session is None:
            raise AssertionError("the session is not open")
        try:
            async with self._session.post(
                self._address.url,
                data=orjson.dumps(_body_of(request)),
                headers={
                    "Content-Type": "application/json",
                    "Idempotency-Key": str(request["journal_id"]),
                },
                allow_redirects=False,
            ) as response:
                body = await response.content.read(_TOO_LONG_BYTES)
                if response.status != _OK and response.status not in _REFUSED_REQUEST:
                    raise NoAnswerError(f"status {response.status}", _retry_after(response))
                return answers_of(request, response.status, body, response.headers.get("Date"))
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise NoAnswerError(str(error) or type(error).__name__) from None


def _body_of(request: Mapping[str, Any]) -> dict[str, Any]:
    names = ("journal_id", "cash_call_id", "account_id", "client", "direction", "amount")
    return {name: request[name] for name in names} | {"requested_at": request["event_time"]}


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None


def answers_of(
    request: Mapping[str, Any], status: int, body: bytes, date: str | None
) -> list[dict[str, Any]]:
    """Read what the firm said about a request, as values of `apex-journal-results`.

    A reason or an amount that is none of ours is passed on as it is; settlement dead-letters it.
    What can't be expressed as an answer is passed on whole under a type that nobody knows, so that
    its dead letter keeps it: never dropped, never guessed. `date`: HTTP's, of the response.
    """
    try:
        said = orjson.loads(body)["answers"] if status == _OK else None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        said = None
    if not isinstance(said, list) or not said:
        return [_unclear(request, f"status {status}", body)]
    return [_answer_of(request, one, date) for one in said]


def _answer_of(request: Mapping[str, Any], said: object, date: str | None) -> dict[str, Any]:
    if not isinstance(said, dict) or said.get("journal_id") != request["journal_id"]:
        return _unclear(request, "no answer to this journal", orjson.dumps(said))
    value: dict[str, Any]
    match said.get("status"), said.get("amount"), said.get("reason"):
        case "COMPLETED", str(amount), None:
            value = {"type": "ApexJournalCompleted", "amount": amount}
        case "REJECTED", None | str() as amount, str(reason):
            value = {"type": "ApexJournalRejected", "reason": reason}
            if amount is not None:
                value["amount"] = amount
        case _:
            return _unclear(request, "no answer that we know", orjson.dumps(said))
    answered_at = _instant(said.get("answered_at")) or _http_date(date) or request["event_time"]
    return _event(request, value, answered_at)


def _unclear(request: Mapping[str, Any], what: str, body: bytes) -> dict[str, Any]:
    text = body[:_KEPT_BYTES].decode(errors="replace")
    value = {"type": "ApexJournalUnclear", "detail": what, "said": text}
    return _event(request, value, request["event_time"])


def _event(request: Mapping[str, Any], value: dict[str, Any], at: str) -> dict[str, Any]:
    """Return an answer as an input; its id is a function of the journal and of what was said."""
    content = orjson.dumps([request["journal_id"], value], option=orjson.OPT_SORT_KEYS)
    return {
        "type": value.pop("type"),
        "event_id": sha256(content).hexdigest()[:32],
        "event_time": at,
        "account_id": request["account_id"],
        "journal_id": request["journal_id"],
        **value,
    }


def _instant(text: object) -> str | None:
    if not isinstance(text, str):
        return None
    try:
        return time_text(micros(text))
    except ValueError:
        return None


def _http_date(text: str | None) -> str | None:
    try:
        return None if text is None else f"{parsedate_to_datetime(text):%Y-%m-%dT%H:%M:%SZ}"
    except ValueError:
        return None
