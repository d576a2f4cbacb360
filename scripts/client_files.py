"""What a client finds in its bucket: the files that we put there, read as a client reads them."""

import csv
import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import typer

from schemas.instant import Micros, micros
from schemas.money import CENTS_DECIMALS, NUMBER_PATTERN, Cents, reread
from scripts.buckets import buckets
from scripts.errors import Failure
from scripts.settings import read_settings

if TYPE_CHECKING:
    from agents.buckets import Buckets

CONFIRMS = "execution_confirm"
SOD_AGED = "sod_tpj_aging"
NET_SETTLEMENTS = "eod_settlement"

_CONFIRM = re.compile(r"(\d{4}-\d\d-\d\d)_execution_and_tpj_confirms\.csv")
_SOD_AGED = re.compile(r"(\d{4}-\d\d-\d\d)_sod_aged_tpj\.csv")
_NET_SETTLEMENT = re.compile(r"(\d\d_\d\d_\d{4})_NET_SETTLEMENT_[A-Z]{4}\.csv")
_CODE = re.compile(r"[A-Z]{4}")
_NUMBER = re.compile(NUMBER_PATTERN)

Row = Mapping[str, str]


class ClientFiles:
    """One client's folder or bucket, read-only.

    Each method raises a `Failure` that names the file, and the line where there is one.
    """

    def __init__(self, source: str, client: str) -> None:
        """Find the client's files: right in `source`, or below it under the client's code.

        Raises:
            Failure: there is no such place, or it can't be listed.
        """
        # Imported here: most commands need no S3 client.
        from agents.buckets import BucketRefusedError
        from agents.client_folder import ClientFolder

        if not _CODE.fullmatch(client):
            raise typer.BadParameter(
                f"{client!r} is no client code such as ALFA", param_hint="--client"
            )
        self.client = client
        # Told how many bytes are read.
        self.tell: Callable[[int], object] | None = None
        self._refused = BucketRefusedError
        try:
            self._folder = ClientFolder(
                _place(source), client, (CONFIRMS, SOD_AGED, NET_SETTLEMENTS)
            )
        except BucketRefusedError as error:
            raise Failure(f"{source}: {error.detail}") from None

    def at(self, key: str) -> str:
        """Return where a file is, for a person."""
        return self._folder.where(key)

    def confirms(self) -> Iterator[tuple[dt.date, str]]:
        """Give date and key of each execution confirm, the oldest first."""
        return self._dated(f"{CONFIRMS}/", _CONFIRM, "%Y-%m-%d")

    def sod_aged(self) -> Iterator[tuple[dt.date, str]]:
        """Give date and key of each official aged file, the oldest first."""
        return self._dated(f"{SOD_AGED}/", _SOD_AGED, "%Y-%m-%d")

    def net_settlements(self) -> Iterator[tuple[dt.date, str]]:
        """Give date and key of each net settlement, the oldest first."""
        return self._dated(f"{NET_SETTLEMENTS}/", _NET_SETTLEMENT, "%d_%m_%Y")

    def cash_balance(self, date: dt.date) -> str | None:
        """Return the key of a date's cash balance file, None if there is none."""
        key = f"{self.client}_CashBalanceReport_{date:%m-%d-%y}.csv"
        return key if key in self._folder.sizes else None

    def size(self, key: str) -> int:
        """Return how many bytes a file has."""
        return self._folder.sizes[key]

    def lines(self, key: str) -> Iterator[str]:
        """Give a file's lines."""
        number = 0
        try:
            for line in self._folder.lines(key):
                number += 1
                if self.tell is not None:
                    self.tell(len(line))
                yield line.decode()
        except UnicodeDecodeError:
            raise Failure(f"{self.at(key)}, line {number}: not UTF-8 text") from None
        except self._refused as error:
            raise Failure(f"{self.at(key)}: {error.detail}") from None

    def rows(self, key: str, columns: str, header_lines: int = 0) -> Iterator[tuple[int, Row]]:
        """Give line number and fields of each row; behind `header_lines` stand the `columns`."""
        names = columns.split(",")
        reader = csv.reader(self.lines(key), strict=True)
        try:
            for _ in range(header_lines):
                next(reader, None)
            if next(reader, None) != names:
                raise self.no_such(key, reader.line_num, f"the columns {columns} are wanted")
            for fields in reader:
                if len(fields) != len(names):
                    what = f"{len(fields)} fields where {len(names)} are named"
                    raise self.no_such(key, reader.line_num, what)
                yield reader.line_num, dict(zip(names, fields, strict=True))
        except csv.Error as error:
            raise self.no_such(key, reader.line_num, str(error)) from None

    def period(self, key: str) -> tuple[Micros, Micros]:
        """Return From and To of an execution confirm or a net settlement."""
        found = re.match(r"From,([^,\r\n]+)(?:,|\r?\n)To,([^,\r\n]+)\r?\n", self._begin_of(key))
        try:
            if found is not None:
                return micros(found[1]), micros(found[2])
        except ValueError:
            pass
        raise self.no_such(key, 1, "it begins with no From and To")

    def cents(self, key: str, line: int, column: str, text: str) -> Cents:
        """Read dollars."""
        try:
            if _NUMBER.fullmatch(text):
                return reread(text, CENTS_DECIMALS)
        except ValueError:
            pass
        raise self.no_such(key, line, f"{column} {text!r} is no sum of dollars such as 650.00")

    def no_such(self, key: str, line: int, what: str) -> Failure:
        """Return what is said of a file that is not as we issue it."""
        return Failure(f"{self.at(key)}, line {line}: {what}; is this a file that settle issued?")

    def _begin_of(self, key: str) -> str:
        lines = self.lines(key)
        return "".join(line for _, line in zip(range(2), lines, strict=False))

    def _dated(
        self, folder: str, name: re.Pattern[str], form: str
    ) -> Iterator[tuple[dt.date, str]]:
        found = []
        for key in self._folder.sizes:
            match = name.fullmatch(key.removeprefix(folder)) if key.startswith(folder) else None
            if match is not None:
                try:
                    date = dt.datetime.strptime(match[1], form).date()  # noqa: DTZ007 - a date
                except ValueError:
                    continue
                found.append((date, key))
        yield from sorted(found)


def _place(source: str) -> "Buckets":
    """Return the place that a person named: a folder, or an s3:// URL with the settings' access.

    Raises:
        Failure: it is no such URL, or the settings do not fit together.
    """
    from agents.buckets import LOCAL, S3, Buckets, without_authority

    if not source.startswith(S3):
        return Buckets(f"{LOCAL}{without_authority(source).removeprefix(LOCAL)}")
    try:
        return buckets(read_settings().model_copy(update={"s3_url": source}))
    except Failure as failure:
        # The URL is no setting here.
        raise Failure(str(failure).replace("setting s3_url", "--from")) from None
