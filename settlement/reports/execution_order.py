"""The order of executions in files: by time, account, fill number, order (contract section 11)."""

from collections.abc import Iterator
from itertools import groupby

# A waiting row begins with the time in full and the account.
_TIME, _ACCOUNT = 0, 1


def in_order(rows: Iterator[str], execution: int) -> Iterator[list[str]]:
    """Return the fields of rows that come in time order, those of one instant in their order.

    `execution`: which field is the `execution_id`; the `client_order_id` follows it. Only rows of
    one instant are sorted, so a day of any length needs no memory.
    """

    def turn(fields: list[str]) -> tuple[str, int, str]:
        fill = int(fields[execution].rpartition("-")[2])
        return fields[_ACCOUNT], fill, fields[execution + 1]

    for _, instant in groupby((row.split(",") for row in rows), key=lambda fields: fields[_TIME]):
        yield from sorted(instant, key=turn)
