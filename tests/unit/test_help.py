"""`--help`: each command and group has an example that can be typed (contract section 12)."""

import re
from collections.abc import Iterator

import pytest
import typer.main
from typer.core import TyperGroup
from typer.testing import CliRunner

from scripts.settle import app
from tests.unit.test_docs import complaint


def doors() -> Iterator[tuple[str, ...]]:
    """Yield the words of each command and group behind `settle`, its own first."""
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    yield ()
    for name, command in root.commands.items():
        yield (name,)
        if isinstance(command, TyperGroup):
            yield from ((name, under) for under in command.commands)


def said(words: tuple[str, ...], columns: int = 200) -> list[str]:
    result = CliRunner(env={"COLUMNS": str(columns)}).invoke(app, [*words, "--help"])
    assert result.exit_code == 0
    return [line.strip() for line in result.output.splitlines()]


def test_all_commands_and_groups_are_looked_at() -> None:
    assert {(), ("replay",), ("kafka",), ("kafka", "start"), ("reports", "list")} < set(doors())


@pytest.mark.parametrize("words", list(doors()), ids=" ".join)
def test_there_is_an_example_that_can_be_typed(words: tuple[str, ...]) -> None:
    examples = [line for line in said(words) if line.startswith("Example: ")]
    assert examples
    for example in examples:
        # Variables may stand before it.
        typed = re.fullmatch(r"Example: (?:[A-Z_]+=\S+ )*settle (.*)", example)
        assert typed, example
        assert tuple(typed[1].split()[: len(words)]) == words
        assert complaint(typed[1]) is None


def test_a_paragraph_is_as_wide_as_the_terminal() -> None:
    """It was broken where the source is broken, too: raggedly at 80 columns."""
    sentence = "files are merged. Without answers of a clearing firm in INPUT, a simulated one"
    assert any(sentence in line for line in said(("replay",)))
    assert sentence in said(("replay",), columns=80)
