"""`summary.json` of a replay directory, as an audit reads it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from replay.difference import DifferenceError
from replay.input_files import InputFile, stored_input
from replay.open_input import open_input
from schemas.instant import Micros, micros

NAME = "summary.json"


class StoredSummary:
    """The summary as the replay stored it; an audit compares what it computes."""

    def __init__(self, directory: Path) -> None:
        """Read `DIR/summary.json`.

        Raises:
            DifferenceError: it is missing, not a JSON object, or lacks the inputs or times.
        """
        try:
            with open_input(directory / NAME) as file:
                stored = orjson.loads(file.read())
        except FileNotFoundError:
            raise DifferenceError(NAME, "the file", expected="a file", found="none") from None
        except orjson.JSONDecodeError as error:
            raise DifferenceError(NAME, "the file", expected="JSON", found=error) from None
        if not isinstance(stored, dict):
            raise DifferenceError(NAME, "the file", expected="a JSON object", found=stored)
        self.stored: dict[str, Any] = stored
        self.input_files = self._input_files()
        # Whether the one input is a dump, and its order was followed.
        self.recorded = stored.get("recorded") is True
        # Whether free texts of files are safe to open in a spreadsheet.
        self.csv_safe = stored.get("csv_safe") is True
        until = self._instant("until") if stored.get("until") is not None else None
        self.until = until if until is not None else self._instant("last_time")

    def same(self, computed: Mapping[str, Any]) -> None:
        """Compare every computed key with the stored one.

        Raises:
            DifferenceError: one differs or is missing.
        """
        for key, expected in computed.items():
            _same(key, expected, self.stored.get(key))

    def _input_files(self) -> list[InputFile]:
        stored = self.stored.get("input_files")
        files = [stored_input(file) for file in stored] if isinstance(stored, list) else []
        if not files or None in files:
            raise DifferenceError(
                NAME,
                "input_files",
                expected="name, bytes and sha256 of each input, as settle replay writes them"
                " (an earlier version did not: replay again)",
                found=stored,
            )
        return [file for file in files if file is not None]

    def _instant(self, key: str) -> Micros | None:
        text = self.stored.get(key)
        if text is None:
            return None
        try:
            return micros(text)
        except (TypeError, ValueError):
            raise DifferenceError(NAME, key, expected="a time", found=text) from None


def _same(place: str, expected: object, found: object) -> None:
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            _same(f"{place}.{key}", expected.get(key, 0), found.get(key, 0))
    elif expected != found:
        raise DifferenceError(NAME, place, expected=expected, found=found)
