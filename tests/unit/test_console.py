"""The console script while its commands load (contract section 12: one line, no traceback)."""

import subprocess
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[2]
# Runs the console script as an installed one does, and presses Ctrl-C when it loads the commands.
PRESSED = """
import importlib, os, signal, sys

class Pressed:
    def find_spec(self, name, path=None, target=None):
        if name == "scripts.settle":
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Pressed())
module, function = sys.argv.pop(1).split(":")
getattr(importlib.import_module(module), function)()
"""


def test_ctrl_c_while_the_commands_load_ends_with_one_line() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    entry = project["project"]["scripts"]["settle"]
    result = subprocess.run(
        [sys.executable, "-c", PRESSED, entry, "config"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stderr == "settle: interrupted by SIGINT; nothing half-written is left\n"
    assert result.returncode == 1
    assert result.stdout == ""
