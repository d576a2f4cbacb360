"""What two ways of settling a day made different is named; what depends on partitions is not."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.both_ways import differences, settled_in

EXPECTED = Path(__file__).parents[1] / "golden" / "expected"


def topic(name: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    def damage(copy: Path) -> None:
        path = copy / "topics" / f"{name}.jsonl"
        before = path.read_text()
        path.write_text(change(before))
        assert path.read_text() != before

    return damage


def last_dropped(text: str) -> str:
    return "".join(text.splitlines(keepends=True)[:-1])


def last_doubled(text: str) -> str:
    return text + text.splitlines(keepends=True)[-1]


def one_file_more(copy: Path) -> None:
    (copy / "s3" / "more.csv").write_text("")


def one_file_less(copy: Path) -> None:
    next((copy / "s3").rglob("*.csv")).unlink()


def one_row_less(copy: Path) -> None:
    path = next((copy / "s3").rglob("*_confirms.csv"))
    path.write_text(last_dropped(path.read_text()))


def replaced(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "an event id": (topic("journal", replaced('"event_id":"', '"event_id":"0')), "journal "),
    "an event dropped": (topic("cash-calls", last_dropped), "cash-calls "),
    "an event doubled": (topic("balances", last_doubled), "balances "),
    "an amount": (topic("executions", replaced('"gross":"', '"gross":"1')), "executions "),
    "a dead letter dropped": (topic("dead-letters", last_dropped), "dead letter "),
    "a dead letter doubled": (topic("dead-letters", last_doubled), "dead letter "),
    "a reason": (topic("dead-letters", replaced('"INVALID"', '"CONFLICT"')), "dead letter "),
    "a file more": (one_file_more, "file more.csv: 0 bytes live, none replayed"),
    "a file less": (one_file_less, "file "),
    "a row less": (one_row_less, "file "),
}


@pytest.mark.parametrize(("damage", "named"), DAMAGE.values(), ids=DAMAGE)
def test_a_difference_is_named(damage: Callable[[Path], None], named: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(EXPECTED, copy)
    damage(copy)
    (found, *_) = list(differences(settled_in(copy), settled_in(EXPECTED)))
    assert found.startswith(named)


def test_what_depends_on_partitions_is_no_difference(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(EXPECTED, copy)
    topic(
        "executions",
        lambda s: "".join(
            line for line in s.splitlines(keepends=True) if '"WindowOpened"' not in line
        ),
    )(copy)
    topic("dead-letters", lambda s: s.replace('"source_offset":', '"source_offset":1'))(copy)
    assert list(differences(settled_in(copy), settled_in(EXPECTED))) == []
