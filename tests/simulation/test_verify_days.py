"""`settle verify` finds no difference in generated days, as replayed and as recorded live.

A generated day has payouts and wires of one instant, fundings between trades, and answers of a
clearing firm: what an audit that reads inputs back from outputs takes for a difference.
"""

import random
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from replay.difference import DifferenceError
from replay.generate.day import write_generated_day
from replay.generate.options import ALL_MODELS, DayOptions
from replay.read import read_inputs
from replay.recorded_directory import audit_recorded
from schemas.account import FundingModel
from scripts.errors import Failure
from scripts.replay import run_recorded, run_replay
from scripts.verify import verify
from tests.golden.renew import DAYS, HERE
from tests.pipeline_in_memory import PipelineInMemory, both_engines, dump_lines, told_of
from tests.simulation.replay_copy import Event, ReplayCopy

NO_DIFFERENCE = "no difference"
SEEDS = range(1, 13)
PARTITIONS = 3


def generated(folder: Path, seed: int, models: tuple[FundingModel, ...], accounts: int) -> Path:
    path = folder / "day.jsonl"
    options = DayOptions(seed, accounts, models=models, quote_interval_ms=600_000)
    write_generated_day(options, path)
    return path


def recorded(day: Path, directory: Path) -> Path:
    """Settle a day through the tasks of the live engine, dump it, replay the dump."""
    chance = random.Random(1)
    pipeline = PipelineInMemory(
        PARTITIONS, lambda _: chance.random() < 0.02, lambda: chance.random() < 0.3
    )
    both_engines(list(told_of(read_inputs([str(day)]))), pipeline)
    dump = directory / "dump.jsonl"
    dump.write_bytes(b"".join(dump_lines(pipeline.records())))
    run_recorded(dump, directory / "out")
    return directory / "out"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_generated_day_verifies(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_replay([str(generated(tmp_path, seed, ALL_MODELS, 20))], tmp_path / "out", None)
    verify(tmp_path / "out")
    assert NO_DIFFERENCE in capsys.readouterr().out


@pytest.mark.parametrize("seed", SEEDS)
def test_a_generated_day_of_one_model_verifies(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = (ALL_MODELS[seed % len(ALL_MODELS)],)
    run_replay([str(generated(tmp_path, seed, models, 12))], tmp_path / "out", None)
    verify(tmp_path / "out")
    assert NO_DIFFERENCE in capsys.readouterr().out


# -- recorded days -------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ALL_MODELS)
def test_a_recorded_day_verifies(
    model: FundingModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verify(recorded(generated(tmp_path, 1, (model,), 12), tmp_path))
    assert NO_DIFFERENCE in capsys.readouterr().out


@pytest.mark.parametrize("day", DAYS, ids=[f"{day.relative_to(HERE)}" for day in DAYS])
def test_a_recorded_golden_day_verifies(
    day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The dump may be stored elsewhere, as every input."""
    out = recorded(day / "day.jsonl", tmp_path)
    verify(out)
    (tmp_path / "dump.jsonl").rename(tmp_path / "elsewhere")
    verify(out, [str(tmp_path / "elsewhere")])
    shown = capsys.readouterr().out
    assert shown.count(NO_DIFFERENCE) == 2
    assert "states compared" not in shown  # a dump has no states
    with pytest.raises(Failure, match=r"input 1-dump\.jsonl: no file .*dump\.jsonl"):
        verify(out)


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded(HERE / "day.jsonl", tmp_path_factory.mktemp("recorded"))


Damage = Callable[[ReplayCopy], str]


def _event(topic: str, change: Callable[[list[Event]], object]) -> Damage:
    def damage(copy: ReplayCopy) -> str:
        change(copy.topic(topic))
        copy.save()
        return f"topics/{topic}.jsonl line "

    return damage


def _settled(events: list[Event]) -> None:
    events[5]["settled"] = "7.77"


def _file(change: Callable[[Path], str]) -> Damage:
    def damage(copy: ReplayCopy) -> str:
        return change(copy.file_of(copy.delivery("POSITIONS")))

    return damage


def _changed(path: Path) -> str:
    path.write_bytes(path.read_bytes().replace(b",CURRENCY,", b",currency,", 1))
    return f"{path.name} line 2"


def _gone(path: Path) -> str:
    path.unlink()
    return path.name


def _one_more(path: Path) -> str:
    path.with_name("again.csv").write_bytes(path.read_bytes())
    return "again.csv"


def _summary(change: Callable[[Event], object], named: str) -> Damage:
    def damage(copy: ReplayCopy) -> str:
        path = copy.root / "summary.json"
        stored = orjson.loads(path.read_bytes())
        change(stored)
        path.write_bytes(orjson.dumps(stored))
        return f"summary.json: {named}"

    return damage


def _topic_gone(copy: ReplayCopy) -> str:
    (copy.root / "topics" / "bbo.jsonl").unlink()
    return "topics/bbo.jsonl"


def _topic_more(copy: ReplayCopy) -> str:
    (copy.root / "topics" / "more.jsonl").write_bytes(b"")
    return "topics/more.jsonl"


def _spaces(copy: ReplayCopy) -> str:
    path = copy.root / "topics" / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b":", b": ", 1))
    return "topics/journal.jsonl line 1"


def _no_json(copy: ReplayCopy) -> str:
    path = copy.root / "topics" / "journal.jsonl"
    path.write_bytes(b"?" + path.read_bytes()[1:])
    return "topics/journal.jsonl line 1"


DAMAGES: dict[str, Damage] = {
    "a first event dropped": _event("bbo", lambda events: events.pop(0)),
    "an event dropped": _event("journal", lambda events: events.pop(5)),
    "a last event dropped": _event("balances", lambda events: events.pop()),
    "an event doubled": _event("cash-calls", lambda events: events.append(events[-1])),
    "two events swapped": _event("executions", lambda events: events.insert(0, events.pop(1))),
    "a field of an event": _event("balances", _settled),
    "a field more": _event("order-updates", lambda e: e[3].update(x=1)),
    "a field less": _event("cash-calls", lambda events: events[3].pop("amount")),
    "a topic gone": _topic_gone,
    "a topic more": _topic_more,
    "other bytes of the same JSON": _spaces,
    "no JSON": _no_json,
    "a file's row": _file(_changed),
    "a file gone": _file(_gone),
    "a file more": _file(_one_more),
    "a count of events": _summary(
        lambda stored: stored["emitted"]["bbo"].update(BestQuote=1), "emitted.bbo.BestQuote"
    ),
    "a count of inputs": _summary(lambda s: s["inputs"].update(orders=1), "inputs.orders"),
    "a sum": _summary(lambda stored: stored.update(fbo="0.01"), "fbo"),
    "a checksum": _summary(
        lambda stored: stored["topics_sha256"].update(bbo="0"), "topics_sha256.bbo"
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_to_a_recorded_day_is_found(name: str, golden: Path, tmp_path: Path) -> None:
    copy = ReplayCopy(golden, tmp_path / "copy")
    named = DAMAGES[name](copy)
    with pytest.raises(DifferenceError) as found:
        audit_recorded(copy.root)
    message = str(found.value)
    assert named in message, message
    assert "\n" not in message


def test_a_recorded_day_is_not_taken_for_another(golden: Path, tmp_path: Path) -> None:
    """Said to be a plain replay, its dump is no input of one; and the other way round."""
    for source, says in ((golden, "goes back in time"), (HERE / "expected", "no record of a dump")):
        copy = ReplayCopy(source, tmp_path / source.name)
        path = copy.root / "summary.json"
        stored = orjson.loads(path.read_bytes())
        path.write_bytes(orjson.dumps(stored | {"recorded": not stored["recorded"]}))
        with pytest.raises(Failure, match=says):
            verify(copy.root)
