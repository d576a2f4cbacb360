"""The clearing firm over HTTP: a journal is asked for, and what it says is read, never guessed.

The endpoint is described in docs/clearing-firm.md. A request may be sent again at will: the firm
knows it by its `Idempotency-Key`, the `journal_id`.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any

import aiohttp
import orjson

from schemas.event import FREE_TEXT_LENGTH_MAX
from schemas.instant import input_micros, time_text

# So much of a body that is no answer is kept in a dead letter. Escaped as JSON, a byte takes up to
# six, and an input has at most 64 KiB (contract section 1).
_KEPT_BYTES = 8192
# A longer body is not read to its end, and a longer list of answers is not taken apart.
BODY_BYTES_MAX = 1 << 20
ANSWERS_MAX = 100
# A longer amount is no number that a schema admits.
_AMOUNT_CHARACTERS_MAX = 32
# An answer, or a refusal of this very request. All else says nothing of the journal: it is on its
# way (202), the firm is in trouble (5xx), or it does not let us in (401, 403, 404).
_OK = 200
_REFUSED_REQUEST = frozenset({400, 406, 409, 410, 411, 412, 413, 414, 415, 422, 428, 431})


class NoAnswerError(Exception):
    """The firm has not answered yet; `after`: the seconds of its `Retry-After`, if it sent one."""

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
            cookie_jar=aiohttp.DummyCookieJar(),  # no header of the firm is kept or parsed
        )

    async def close(self) -> None:
        """End the session."""
        if self._session is not None:
            await self._session.close()

    async def ask(self, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Send a journal request; return the firm's answers as values of `apex-journal-results`.

        Raises:
            NoAnswerError: no answer yet: no connection, a time-out, an error status.
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
                if response.status != _OK and response.status not in _REFUSED_REQUEST:
                    raise NoAnswerError(f"status {response.status}", _retry_after(response))
                body = await _body(response)
                date = response.headers.get("Date")
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            # ValueError: what aiohttp and the codecs below it raise about headers and compression.
            raise NoAnswerError(repr(error)) from None
        return answers_of(request, response.status, body, date)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """Return the whole body, or its beginning if it is longer than `BODY_BYTES_MAX`."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            break
    return bytes(body)


def _body_of(request: Mapping[str, Any]) -> dict[str, Any]:
    names = ("journal_id", "cash_call_id", "account_id", "client", "direction", "amount")
    return {name: request[name] for name in names} | {"requested_at": request["event_time"]}


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None


def answers_of(
    request: Mapping[str, Any], status: int, body: bytes, date: str | None
) -> list[dict[str, Any]]:
    """Read a response to a request as values of `apex-journal-results`. Raises nothing.

    `date` is HTTP's, of the response. An unknown reason and a wrong amount are forwarded, and
    settlement dead-letters them. What is no answer is forwarded under a type that no topic has, so
    its dead letter keeps the first 8 KiB: never dropped, never guessed.
    """
    if len(body) > BODY_BYTES_MAX:
        return [_unclear(request, f"status {status}, more than {BODY_BYTES_MAX} bytes", body)]
    try:
        answers = orjson.loads(body)["answers"] if status == _OK else None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        answers = None
    if not isinstance(answers, list) or not answers:
        return [_unclear(request, f"status {status}", body)]
    if len(answers) > ANSWERS_MAX:
        return [_unclear(request, f"{len(answers)} answers, at most {ANSWERS_MAX}", body)]
    return [_answer_of(request, answer, date, body) for answer in answers]


def _answer_of(
    request: Mapping[str, Any], answer: object, date: str | None, body: bytes
) -> dict[str, Any]:
    if not isinstance(answer, dict) or answer.get("journal_id") != request["journal_id"]:
        return _unclear(request, "no answer to this journal", _bytes_of(answer, body))
    value: dict[str, Any]
    match answer.get("status"), answer.get("amount"), answer.get("reason"):
        case "COMPLETED", str(amount), None if len(amount) <= _AMOUNT_CHARACTERS_MAX:
            value = {"type": "ApexJournalCompleted", "amount": amount}
        case "REJECTED", None | str() as amount, str(reason) if (
            amount is None or len(amount) <= _AMOUNT_CHARACTERS_MAX
        ):
            value = {"type": "ApexJournalRejected", "reason": reason[:FREE_TEXT_LENGTH_MAX]}
            if amount is not None:
                value["amount"] = amount
        case _:
            return _unclear(request, "no answer that we know", _bytes_of(answer, body))
    answered_at = _instant(answer.get("answered_at")) or _http_date(date) or request["event_time"]
    return _event(request, value, answered_at)


def _bytes_of(answer: object, body: bytes) -> bytes:
    """Return one answer as JSON; the whole body if orjson reads deeper than it writes."""
    try:
        return orjson.dumps(answer)
    except orjson.JSONEncodeError:
        return body


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
    """Return a time with a zone as we write it, None if it is no such time."""
    if not isinstance(text, str):
        return None
    try:
        return _in_utc(dt.datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None


def _http_date(text: str | None) -> str | None:
    """Return HTTP's `Date` as we write it, None if it is no date."""
    if text is None:
        return None
    try:
        at = parsedate_to_datetime(text)
    except Exception:  # noqa: BLE001 - email.utils raises whatever its arithmetic runs into
        return None
    # RFC 5322: `-0000` is UTC of an unknown place, which Python reads as no zone.
    return _in_utc(at if at.tzinfo else at.replace(tzinfo=dt.UTC))


def _in_utc(at: dt.datetime) -> str | None:
    """Return a time as we write it, None without a zone or out of the contract's years."""
    if at.tzinfo is None:
        return None
    try:
        return time_text(input_micros(at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")))
    except (ValueError, OverflowError):
        return None
