"""A client's own record of its executions: a CSV of its own making."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import typer

from replay.quotes import UnreadableFileError, opened, reading_errors, utf8_lines
from schemas.instant import micros, milliseconds_text
from schemas.money import NUMBER_PATTERN, scaled
from scripts.errors import Failure
from settlement.reconciliation import FIELDS, Record

_NUMBER = re.compile(NUMBER_PATTERN)
EXECUTION_ID = "execution_id"


def columns_named(maps: list[str]) -> dict[str, str]:
    """Read the --map options OURS=THEIRS: our name of a column to that of the CSV.

    Raises:
        typer.BadParameter: no such column of ours, or one twice.
    """
    named: dict[str, str] = {}
    for text in maps:
        ours, equals, theirs = text.partition("=")
        if not equals or not theirs or ours not in {EXECUTION_ID, *FIELDS}:
            raise typer.BadParameter(
                f"{text!r} is no OURS=THEIRS; ours are {EXECUTION_ID}, {', '.join(FIELDS)}",
                param_hint="--map",
            )
        if ours in named:
            raise typer.BadParameter(f"{text!r} names a column twice", param_hint="--map")
        named[ours] = theirs
    return named


class OwnRecord:
    """A CSV with a header line; `columns`: which of `FIELDS` it has, known once it is read."""

    def __init__(self, path: Path, named: Mapping[str, str], needed: tuple[str, ...] = ()) -> None:
        """Take the file; `named`: columns_named(); `needed`: fields that must be there."""
        self.path = path
        self.columns: tuple[str, ...] = ()
        self._named = named
        self._needed = (EXECUTION_ID, *needed)

    def records(self) -> Iterator[Record]:
        """Give the rows, in the file's order.

        Raises:
            Failure: the file is missing or no such CSV; the line is named.
        """
        try:
            with opened(self.path) as (stream, _):
                reader = csv.reader(utf8_lines(stream), strict=True)
                with reading_errors(self.path, lambda: reader.line_num):
                    try:
                        yield from self._read(reader, lambda: reader.line_num)
                    except csv.Error as error:
                        raise self._refused(reader.line_num, str(error)) from None
        except UnreadableFileError as error:
            raise Failure(str(error)) from None

    def _read(self, rows: Iterator[list[str]], line_now: Callable[[], int]) -> Iterator[Record]:
        header: list[str] = next(rows, [])
        places = {}
        for name in (EXECUTION_ID, *FIELDS):
            theirs = self._named.get(name, name)
            if theirs in header:
                places[name] = header.index(theirs)
            elif name in self._needed or name in self._named:
                raise self._refused(1, f"the column {theirs} is missing; --map {name}=... names it")
        identity = places.pop(EXECUTION_ID)
        self.columns = tuple(places)
        for fields in rows:
            if not fields:  # an empty line, as editors leave at the end
                continue
            line = line_now()
            if len(fields) != len(header):
                raise self._refused(line, f"{len(fields)} fields where {len(header)} are named")
            if not fields[identity]:
                raise self._refused(line, f"no {EXECUTION_ID}")
            facts = {
                name: self._fact(line, name, fields[place].strip())
                for name, place in places.items()
                if fields[place].strip()
            }
            for name in self._needed:
                if name != EXECUTION_ID and name not in facts:
                    raise self._refused(line, f"no {name}")
            yield Record(fields[identity].strip(), facts, f"line {line}")

    def _fact(self, line: int, name: str, text: str) -> str:
        """Return a field as files write it."""
        decimals = FIELDS[name]
        if name == "side":
            if text.upper() not in {"BUY", "SELL"}:
                raise self._refused(line, f"side {text!r} is neither BUY nor SELL")
            return text.upper()
        if name == "executed_at":
            try:
                at = micros(text)
            except ValueError as error:
                raise self._refused(line, f"executed_at {error}") from None
            return milliseconds_text(at)
        if decimals is None:
            return text
        signed = name == "net_amount"
        try:
            if _NUMBER.fullmatch(text) and (signed or not text.startswith("-")):
                scaled(text, decimals)
                return text
        except ValueError as error:
            raise self._refused(line, f"{name}: {error}") from None
        raise self._refused(line, f"{name} {text!r} is no plain decimal such as 650.00")

    def _refused(self, line: int, what: str) -> Failure:
        return Failure(f"{self.path}, line {line}: {what}")
