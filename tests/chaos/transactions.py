"""Which transactions are open, as the brokers say: ListTransactions, unknown to aiokafka."""

import asyncio
from collections.abc import Iterable
from typing import Any, ClassVar

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)
from typing_extensions import override

# Something was sent in it, and neither commit nor abort has begun.
OPEN = "Ongoing"
_LIST_TRANSACTIONS = 66
# A frozen worker waits for the answer; a broker that is down gives none.
_ANSWER_MS = 1500


class _Answer(Response):  # type: ignore[misc] # aiokafka has no types
    API_KEY: ClassVar[int] = _LIST_TRANSACTIONS
    API_VERSION: ClassVar[int] = 0
    SCHEMA: ClassVar[Schema] = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("unknown_state_filters", CompactArray(CompactString("utf-8"))),
        (
            "transaction_states",
            CompactArray(
                ("transactional_id", CompactString("utf-8")),
                ("producer_id", Int64),
                ("transaction_state", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _Question(RequestStruct):  # type: ignore[misc] # aiokafka has no types
    FLEXIBLE_VERSION: ClassVar[bool] = True
    API_KEY: ClassVar[int] = _LIST_TRANSACTIONS
    API_VERSION: ClassVar[int] = 0
    RESPONSE_TYPE: ClassVar[type[_Answer]] = _Answer
    SCHEMA: ClassVar[Schema] = Schema(
        ("state_filters", CompactArray(CompactString("utf-8"))),
        ("producer_id_filters", CompactArray(Int64)),
        ("tags", TaggedFields),
    )


class _ListTransactions(Request[_Question]):  # type: ignore[misc] # aiokafka has no types
    API_KEY: ClassVar[int] = _LIST_TRANSACTIONS

    @override
    def build(self, request_struct_class: type[_Question]) -> _Question:
        return request_struct_class([], [], {})


def transactions(address: str) -> dict[str, str]:
    """Return the states of the transactional ids that a broker coordinates; none if it is down."""

    async def ask() -> Any:  # noqa: ANN401 - aiokafka has no types
        host, _, port = address.rpartition(":")
        connection = await create_conn(host, int(port), request_timeout_ms=_ANSWER_MS)
        try:
            return await connection.send(_ListTransactions())
        finally:
            connection.close()

    try:
        answer = asyncio.run(ask())
    except (OSError, KafkaError, TimeoutError):
        return {}
    return {name: state for name, _, state, _ in answer.transaction_states}


def open_transactions(addresses: Iterable[str]) -> set[str]:
    """Return the transactional ids with an open transaction, of all brokers that answer."""
    return {
        name
        for address in addresses
        for name, state in transactions(address).items()
        if state == OPEN
    }
