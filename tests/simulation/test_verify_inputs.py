"""`settle verify` reads the inputs that `summary.json` names, and refuses all others."""

import gzip
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import orjson
import pytest
import typer

from audit.directory import audit_directory
from replay.difference import DifferenceError
from replay.input_files import KeptInputs
from replay.read import UnreadableInputError
from scripts.errors import Failure
from scripts.replay import run_replay
from scripts.verify import verify
from tests.simulation.test_clearing_firm import day

DAY = b"".join(day())
# Reference data and quotes, then the rest.
MARKET, ORDERS = b"".join(day()[:6]), b"".join(day()[6:])
NO_DIFFERENCE = "no difference"


def replayed(folder: Path, *names: str) -> Path:
    """Replay files of a folder into `out/day` in it."""
    run_replay([str(folder / name) for name in names], folder / "out" / "day", None)
    return folder / "out" / "day"


def input_files(directory: Path) -> list[tuple[str, int, str]]:
    stored = orjson.loads((directory / "summary.json").read_bytes())["input_files"]
    return [(file["name"], file["bytes"], file["sha256"]) for file in stored]


def facts(content: bytes) -> tuple[int, str]:
    return len(content), sha256(content).hexdigest()


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A replay of `market.jsonl` and the packed `orders.jsonl.gz`."""
    (tmp_path / "market.jsonl").write_bytes(MARKET)
    (tmp_path / "orders.jsonl.gz").write_bytes(gzip.compress(ORDERS))
    return replayed(tmp_path, "market.jsonl", "orders.jsonl.gz")


# -- what is stored --------------------------------------------------------------------------------


def test_the_summary_names_each_input_by_its_unpacked_content(two: Path) -> None:
    assert input_files(two) == [
        ("1-market.jsonl", *facts(MARKET)),
        ("2-orders.jsonl.gz", *facts(ORDERS)),
    ]
    links = sorted((two / "inputs").glob("[0-9]-*"))
    assert [str(link.readlink()) for link in links] == [
        "../../../market.jsonl",
        "../../../orders.jsonl.gz",
    ]


def test_a_pipe_is_kept_as_it_came(tmp_path: Path) -> None:
    """It can't be read a second time, and the audit needs it."""
    out_of, into = os.pipe()
    packed = gzip.compress(DAY)
    with os.fdopen(into, "wb") as writer:
        writer.write(packed)
    run_replay([f"/dev/fd/{out_of}"], tmp_path / "out", None)
    os.close(out_of)
    assert input_files(tmp_path / "out") == [("1-standard-input", *facts(DAY))]
    assert (tmp_path / "out" / "inputs" / "1-standard-input").read_bytes() == packed
    audit_directory(tmp_path / "out")


def test_an_input_inside_the_directory_that_is_replaced_is_kept(tmp_path: Path, two: Path) -> None:
    """Here the simulated firm's answers: a link would lead to what is gone."""
    firm = two / "inputs" / "apex-journal-results.jsonl"
    answers = firm.read_bytes()
    inputs = [str(tmp_path / "market.jsonl"), str(tmp_path / "orders.jsonl.gz"), str(firm)]
    run_replay(inputs, two, None)
    assert (two / "inputs" / "3-apex-journal-results.jsonl").read_bytes() == answers
    assert not firm.exists()
    audit_directory(two)


def test_an_input_that_is_written_to_meanwhile_ends_the_replay(tmp_path: Path) -> None:
    path = tmp_path / "growing.jsonl"
    path.write_bytes(MARKET)
    (tmp_path / "aside").mkdir()
    kept = KeptInputs([str(path)], tmp_path / "aside", tmp_path / "out")
    kept.check_unchanged()
    path.write_bytes(MARKET + ORDERS)
    with pytest.raises(UnreadableInputError, match=r"growing\.jsonl: changed while it was"):
        kept.check_unchanged()


# -- where they are found --------------------------------------------------------------------------


def test_they_are_found_when_all_is_moved_together(
    tmp_path: Path, two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert two.is_relative_to(tmp_path)
    moved = tmp_path.with_name(f"{tmp_path.name}-moved")
    tmp_path.rename(moved)
    verify(moved / "out" / "day")
    assert NO_DIFFERENCE in capsys.readouterr().out


def test_input_names_them_where_they_are_stored_now(
    tmp_path: Path, two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Packed meanwhile, or unpacked: what counts is the content."""
    archive = tmp_path / "archive"
    archive.mkdir()
    (archive / "m.gz").write_bytes(gzip.compress((tmp_path / "market.jsonl").read_bytes()))
    (archive / "o").write_bytes(ORDERS)
    (tmp_path / "market.jsonl").unlink()
    (tmp_path / "orders.jsonl.gz").unlink()
    with pytest.raises(Failure, match=r"input 1-market\.jsonl: no file .*market\.jsonl"):
        verify(two)
    verify(two, [str(archive / "m.gz"), str(archive / "o")])
    assert NO_DIFFERENCE in capsys.readouterr().out


def _one_byte(content: bytes) -> bytes:
    return content.replace(b'"bid_size":"10"', b'"bid_size":"11"')


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "a byte": _one_byte,
    "a line more": lambda content: content + content.splitlines(keepends=True)[-1],
    "a line less": lambda content: b"".join(content.splitlines(keepends=True)[:-1]),
    "no line end at the end": lambda content: content[:-1],
    "empty": lambda _: b"",
    "other JSON of the same events": lambda content: content.replace(b":", b": "),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("with_input", [False, True], ids=["in place", "with --input"])
def test_a_changed_input_is_refused_and_named(
    tmp_path: Path, two: Path, name: str, with_input: bool
) -> None:
    changed = CHANGES[name](MARKET)
    assert changed != MARKET
    path = tmp_path / "market.jsonl"
    path.write_bytes(changed)
    given = [str(path), str(tmp_path / "orders.jsonl.gz")] if with_input else None
    with pytest.raises(Failure) as failure:
        verify(two, given)
    message = str(failure.value)
    size, digest = facts(MARKET)
    found_size, found = facts(changed)
    assert "\n" not in message
    assert f"input 1-market.jsonl: {path} is not what was replayed" in message
    assert f"expected {size:,} bytes with SHA-256 {digest}" in message
    assert f"found {found_size:,} bytes with SHA-256 {found}" in message
    assert "--input" in message


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["market.jsonl"], "the replay had 2 inputs, --input names 1"),
        (["orders.jsonl.gz", "market.jsonl"], "input 1-market.jsonl: .* is not what was replayed"),
        (["market.jsonl", "none"], "input 2-orders.jsonl.gz: no file .*none"),
        (["market.jsonl", "."], "input 2-orders.jsonl.gz: no file "),
    ],
    ids=["too few", "another order", "one that is not there", "a folder"],
)
def test_each_input_must_be_named_in_order(
    tmp_path: Path, two: Path, given: list[str], says: str
) -> None:
    with pytest.raises(Failure, match=says):
        verify(two, [str(tmp_path / name) for name in given])


def test_standard_input_is_wrong_usage(two: Path) -> None:
    """An audit has to read an input twice: its checksum, then its lines."""
    with pytest.raises(typer.BadParameter, match="name a file"):
        verify(two, ["-"])


# -- what was tampered with ------------------------------------------------------------------------

Stored = dict[str, object]


def _without(key: str) -> Callable[[Stored], object]:
    return lambda stored: stored.pop(key)


def _inputs(value: object) -> Callable[[Stored], object]:
    return lambda stored: stored.update(input_files=value)


OUTSIDE = [{"name": "../../market.jsonl", "bytes": 1, "sha256": ""}]
TOO_LITTLE: dict[str, tuple[Callable[[Stored], object], str]] = {
    "of an earlier version": (_without("input_files"), "expected .*earlier version.* found None"),
    "no inputs": (_inputs([]), "input_files: expected"),
    "no size": (_inputs([{"name": "1-market.jsonl", "sha256": ""}]), "input_files: expected"),
    "not in the directory": (_inputs(OUTSIDE), "input_files: expected"),
    "a name": (_inputs("1-market.jsonl"), "input_files: expected"),
    "no counts of events": (_without("emitted"), "emitted: expected .*found None"),
    "no checksums": (_without("files_sha256"), "files_sha256: expected .*found None"),
    "no counts of inputs": (_without("inputs"), "inputs: expected .*found None"),
    "no time": (_without("last_time"), "last_time: expected .*found None"),
}


@pytest.mark.parametrize("name", TOO_LITTLE)
def test_a_summary_that_says_too_little_is_named(two: Path, name: str) -> None:
    change, says = TOO_LITTLE[name]
    path = two / "summary.json"
    stored = orjson.loads(path.read_bytes())
    change(stored)
    path.write_bytes(orjson.dumps(stored))
    with pytest.raises(DifferenceError, match=rf"summary\.json.*{says}"):
        audit_directory(two)


def test_an_input_that_fits_its_checksum_but_not_the_events_is_a_difference(
    tmp_path: Path, two: Path
) -> None:
    """The checksum made to fit as well: the audit recomputes what the input causes."""
    path = two / "summary.json"
    changed = _one_byte(MARKET)
    (tmp_path / "market.jsonl").write_bytes(changed)
    stored = orjson.loads(path.read_bytes())
    size, digest = facts(changed)
    stored["input_files"][0] |= {"bytes": size, "sha256": digest}
    path.write_bytes(orjson.dumps(stored))
    with pytest.raises(DifferenceError, match=r"topics/bbo\.jsonl line 1"):
        audit_directory(two)


def test_an_input_too_many_is_named(two: Path) -> None:
    (two / "inputs" / "3-more.jsonl").write_bytes(b"")
    with pytest.raises(DifferenceError, match=r"inputs/3-more\.jsonl: the file: expected no such"):
        audit_directory(two)
