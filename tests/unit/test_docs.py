"""What documents and maps name is there: commands and options, files, reasons, statuses."""

import ast
import io
import json
import re
import tokenize
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import typer.main
from typer.core import TyperGroup
from typer.testing import CliRunner

from pipeline.chain import CHAIN
from schemas.cash_call import FailureReason
from schemas.dead_letter import DeadLetterReason
from schemas.funding import FundingFlagged
from schemas.net_settlement import NetSettlementStatus
from scripts.settle import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
# The events' own page is made by `make schemas`, and checked there.
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted(DOCS.glob("*.md")),
    *sorted(DOCS.glob("decisions/*.md")),
    DOCS / "examples" / "README.md",
    ROOT / "tests" / "golden" / "README.md",
]
READINGS = (DOCS / "readings.md").read_text("utf-8")
OPERATIONS = (DOCS / "operations.md").read_text("utf-8")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def commands(text: str) -> list[str]:
    """Return what is to be typed, from `settle` on: in blocks after $, and in backticks."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    typed = [line[2:] for block in blocks for line in block.splitlines() if line[:2] == "$ "]
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    typed += [" ".join(quoted.split()) for quoted in re.findall(r"`([^`]+)`", prose)]
    parts = [part.strip() for line in typed for part in re.split(r"[;|&]", line)]
    starts = ("settle ", ".venv/bin/settle ")
    return [part.split("settle ", 1)[1] for part in parts if part.startswith(starts)]


def complaint(command: str) -> str | None:
    """Return what is wrong with a command: no such one, or no such option."""
    words = command.split()
    found: Any = typer.main.get_command(app)
    while isinstance(found, TyperGroup) and words and not words[0].startswith("-"):
        word = words.pop(0)
        if word not in found.commands:
            return f"no command {word!r}"
        found = found.commands[word]
    known = {option for parameter in found.params for option in parameter.opts} | {"--help"}
    wrong = [word for word in words if word.startswith("--") and word not in known]
    return f"no option {wrong[0]}" if wrong else None


def not_yet_built() -> dict[str, str]:
    """Return the commands that docs/readings.md lists as not yet built, with their complaints."""
    section = READINGS.split("## Not yet built")[1].split("\n## ")[0]
    return {command: complaint(command) or "" for command in commands(section)}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_every_command_that_a_document_names_is_there(path: Path) -> None:
    found = commands(path.read_text("utf-8"))
    wrong = {command: complaint(command) for command in found if complaint(command)}
    expected = set(not_yet_built().values())
    assert {command: why for command, why in wrong.items() if why not in expected} == {}


def test_a_command_that_is_not_yet_built_is_not_there() -> None:
    assert not_yet_built()
    assert all(not_yet_built().values())


def test_a_command_that_is_not_there_would_be_noticed() -> None:
    text = "`settle replay --fast` and `settle fly`\n```console\n$ settle kafka burn\n```\n"
    assert [complaint(command) for command in commands(text)] == [
        "no command 'burn'",
        "no option --fast",
        "no command 'fly'",
    ]


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_every_link_leads_somewhere(path: Path) -> None:
    text = path.read_text("utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        target, _, anchor = link.partition("#")
        if target.startswith("http"):
            continue
        there = path.parent / target if target else path
        assert there.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", there.read_text("utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings]
            assert anchor in slugs, link


def test_the_index_has_every_document() -> None:
    index = (DOCS / "README.md").read_text("utf-8")
    linked = {(DOCS / link).resolve() for link in re.findall(r"\]\(([^)#\s]+)", index)}
    others = {path for path in DOCS.iterdir() if path.name != "README.md"}
    missing = {
        path.name
        for path in others
        if path not in linked and not any(other.is_relative_to(path) for other in linked)
    }
    assert missing == set()


def literals(kind: Any, field: str) -> tuple[str, ...]:  # noqa: ANN401 - a typed dict
    hint = get_type_hints(kind)[field]
    return get_args(hint)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("Cash calls", get_args(FailureReason)),
        ("Dead letters", get_args(DeadLetterReason)),
        ("Flagged fundings", literals(FundingFlagged, "reason")),
        ("Net settlements", literals(NetSettlementStatus, "status")),
    ],
)
def test_the_desk_is_told_what_each_code_means(section: str, words: tuple[str, ...]) -> None:
    text = OPERATIONS.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    explained = re.findall(r"`([A-Z_]+)`", " ".join(row.split("|")[1] for row in rows))
    assert words
    assert sorted(explained) == sorted(words)


def test_the_first_order_of_the_examples_is_executed_and_paid(tmp_path: Path) -> None:
    """Its reference data and its tick, with the deposit and the order that the programs send."""
    examples = DOCS / "examples"
    (tick,) = re.findall(r"echo '(\{.*\})' \|", (examples / "README.md").read_text("utf-8"))
    at = {"event_id": "1", "account_id": "ACME0001"}
    deposit = at | {
        "type": "DepositSettled",
        "event_time": "2026-03-02T18:00:01Z",
        "funding_id": "deposit-1",
        "instrument_type": "WIRE",
        "amount": "650.00",
    }
    order = at | {
        "type": "OrderSubmitted",
        "event_time": "2026-03-02T18:00:02Z",
        "client_order_id": "order-1",
        "symbol": "BTCUSD",
        "side": "BUY",
        "order_type": "MARKET",
        "time_in_force": "IOC",
        "notional": "100.00",
    }
    day = tmp_path / "day.jsonl"
    day.write_text(
        (examples / "reference.jsonl").read_text("utf-8")
        + re.sub(r"'\$\(date .*?\)'", "2026-03-02T18:00:00Z", tick)
        + f"\n{json.dumps({'topic': 'fundings', 'value': deposit})}"
        + f"\n{json.dumps({'topic': 'orders', 'value': order})}\n",
        encoding="utf-8",
    )
    done = CliRunner().invoke(app, ["replay", str(day), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    lines = (tmp_path / "out" / "topics" / "cash-calls.jsonl").read_text("utf-8").splitlines()
    calls = [json.loads(line) for line in lines]
    assert [(call["type"], call["amount"]) for call in calls] == [
        ("CashCallRequested", "100.25"),
        ("CashCallSettled", "100.25"),
    ]


# -- maps and names --------------------------------------------------------------------------------

FOLDERS = (
    "schemas",
    "topics",
    "settlement",
    "pipeline",
    "agents",
    "audit",
    "replay",
    "scripts",
    "tests",
)
ROOMS = sorted(init.parent for top in FOLDERS for init in (ROOT / top).rglob("__init__.py"))
FILE_NAME = r"(?<![\w./-])[\w.][\w/.-]*\.(?:py|toml|ya?ml|jinja|css|lock|md|csv)\b"
# A user's own files, and the clients' files, whose names contain a date.
NOT_OURS = (
    r"^(settle\.toml|(?:quotes|aged|own|OWN)\.csv)$|YYYY|DD_MM|mm-dd|\d{4}-\d\d-\d\d|_SUMMARY_"
)


def unmapped(room: Path) -> set[str]:
    """Return what is in one of a package and its map, but not in the other."""
    text = ast.get_docstring(ast.parse((room / "__init__.py").read_text("utf-8"))) or ""
    there = {path.name for path in room.glob("*.py")} - {"__init__.py"}
    there |= {f"{path.parent.name}/" for path in room.glob("*/__init__.py")}
    told = set(re.findall(r"(?<![\w/])\w+(?:\.py\b|/(?=\s|:|$))", text))
    # A room may be named in another's words.
    gone = {n for n in told if not (room / n).exists() and not (ROOT / n).is_dir()}
    return {name for name in there if not re.search(rf"\b{re.escape(name)}", text)} | gone


@pytest.mark.parametrize("room", ROOMS, ids=name)
def test_the_map_of_a_package_is_that_of_its_room(room: Path) -> None:
    assert unmapped(room) == set()


def test_a_map_that_is_not_true_would_be_noticed(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").write_text('"""A room.\n\nhere.py  gone.py  one file each\n"""')
    for file in ("here.py", "new.py"):
        (tmp_path / file).touch()
    assert unmapped(tmp_path) == {"new.py", "gone.py"}


def missing_files(text: str, folder: Path) -> set[str]:
    """Return the files that a text names and that are neither in the repository nor a user's."""
    named = {file for file in re.findall(FILE_NAME, text) if not re.search(NOT_OURS, file)}
    places = [ROOT, folder, DOCS, *ROOMS]
    return {
        file
        for file in named
        if not any((place / file).exists() for place in places)
        and not ("/" not in file and list((ROOT / "tests").rglob(file)))
    }


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_every_file_that_a_document_names_exists(path: Path) -> None:
    prose = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
    assert missing_files(prose, path.parent) == set()


def comments_and_docstrings(source: str) -> str:
    """Return the prose of a Python file."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [ast.get_docstring(n) or "" for n in ast.walk(tree) if isinstance(n, documented)]
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    found += [token.string for token in tokens if token.type == tokenize.COMMENT]
    return "\n".join(found)


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_that_a_docstring_or_comment_names_exists(folder: str) -> None:
    missing = {
        name(path): files
        for path in (ROOT / folder).rglob("*.py")
        if (files := missing_files(comments_and_docstrings(path.read_text("utf-8")), path.parent))
    }
    assert missing == {}


def test_a_file_that_does_not_exist_is_noticed() -> None:
    text = (
        "`design.md`, data/ach_return_codes.csv, [x](gone.md#y), `agents/gone.py`;"
        " README.md, domain.md section 7, `settle.toml`, 2026-11-23_0930_aged_tpj.csv"
    )
    gone = {"design.md", "data/ach_return_codes.csv", "gone.md", "agents/gone.py"}
    assert missing_files(text, DOCS) == gone
    assert comments_and_docstrings('"""a.md"""\nx = "b.md"  # c.md\n') == "a.md\n# c.md"


def test_the_architecture_names_the_topics_that_each_task_reads_and_writes() -> None:
    section = (DOCS / "architecture.md").read_text("utf-8").split("\n## Tasks and stages\n")[1]
    rows = re.findall(
        r"^\| ([a-z-]+) \|[^|\n]*\|[^|\n]*\|([^|\n]*)\|([^|\n]*)\|$", section, re.MULTILINE
    )
    described = {
        task: (set(re.findall("`(.*?)`", reads)), set(re.findall("`(.*?)`", writes)))
        for task, reads, writes in rows
        if task != "task"
    }
    assert described == {task.name: (set(task.inputs), set(task.writes)) for task in CHAIN}
    assert list(described) == [task.name for task in CHAIN]


def test_each_decision_has_a_number_of_its_own_which_its_title_says() -> None:
    numbers = []
    for path in sorted(DOCS.glob("decisions/*.md")):
        number = path.name[:4]
        assert path.read_text("utf-8").startswith(f"# {int(number)}. "), path.name
        numbers.append(number)
    assert numbers == [f"{n:04}" for n in range(1, len(numbers) + 1)]
    for folder in FOLDERS:
        for source in (ROOT / folder).rglob("*.py"):
            named = re.findall(r"decisions?[ /](\d{4})|\((00\d\d)\)", source.read_text("utf-8"))
            assert {one or other for one, other in named} <= set(numbers), source
