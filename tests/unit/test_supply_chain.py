"""What settle runs on: no GPL, no tools of the tests, each package by one version in both locks."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
# The lesser licence, too: whoever ships the image would have to offer the sources.
_GPL = re.compile(r"\b[AL]?GPL|GNU (Affero |Lesser |Library )?General Public", re.IGNORECASE)


def needed(requirements: Iterable[str]) -> dict[str, Distribution]:
    """Return the distributions that these requirements need here, and all that those need."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        extras = requirement.extras or {""}
        name = canonicalize_name(requirement.name)
        if name in found or not _holds(requirement, {""}):
            continue
        found[name] = distribution(name)
        waiting += [
            inner
            for inner in map(Requirement, found[name].requires or ())
            if _holds(inner, extras | {""})
        ]
    return found


def _holds(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras)


def licences(package: Distribution) -> list[str]:
    """Return every licence that a distribution's metadata names; a whole text by its beginning."""
    metadata = package.metadata
    named = [*metadata.get_all("License-Expression", []), *metadata.get_all("License", [])]
    named += [c for c in metadata.get_all("Classifier", []) if c.startswith("License ::")]
    return [name[:200] for name in named if name]


def under_the_gpl(packages: Iterable[Distribution]) -> Iterator[str]:
    """Return the distributions of which a named licence is a GPL."""
    for package in packages:
        named = licences(package)
        if any(map(_GPL.search, named)):
            yield f"{package.metadata['Name']}: {', '.join(named)}"


def locked(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE))


def test_no_run_time_dependency_is_under_the_gpl() -> None:
    packages = needed(PROJECT["dependencies"])
    assert len(packages) > len(PROJECT["dependencies"])
    assert list(under_the_gpl(packages.values())) == []
    assert [name for name, package in packages.items() if not licences(package)] == []


def test_a_dependency_under_the_gpl_would_be_noticed(tmp_path: Path) -> None:
    """One that the tests run on, and one that is made up; both only where they are needed."""
    assert [line.split(":")[0] for line in under_the_gpl([distribution("beancount")])] == [
        "beancount"
    ]
    for licence in ("LGPL-3.0-or-later", "AGPL-3.0", "GNU General Public License v2 (GPLv2)"):
        folder = tmp_path / f"{licence[:4]}.dist-info"
        folder.mkdir()
        text = f"Metadata-Version: 2.4\nName: planted\nVersion: 1\nLicense: {licence}\n"
        (folder / "METADATA").write_text(text, "utf-8")
        assert list(under_the_gpl([Distribution.at(folder)])) == [f"planted: {licence}"]


def test_the_run_time_lock_is_the_part_of_the_lock_that_runs() -> None:
    whole, run = locked("requirements.lock"), locked("requirements-run.lock")
    assert run.items() < whole.items()
    assert needed(PROJECT["dependencies"]).keys() <= run.keys()
    tools = {Requirement(text).name for text in PROJECT["optional-dependencies"]["dev"]}
    assert run.keys() & {canonicalize_name(name) for name in tools} == set()


def test_the_project_has_a_licence() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text


@pytest.mark.slow
def test_settle_runs_on_the_run_time_packages_alone(tmp_path: Path) -> None:
    """As the Dockerfile installs them: by hash, without a tool of the tests."""
    python = tmp_path / "venv" / "bin" / "python"

    def run(*words: str | Path) -> str:
        done = subprocess.run(
            list(map(str, words)), capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(sys.executable, "-m", "venv", tmp_path / "venv")
    pip = (python, "-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*pip, "install", "--require-hashes", "--requirement", ROOT / "requirements-run.lock")
    own = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv[0] = 'settle';"
        " from scripts.console import main; main()"
    )
    settle = (python, "-c", own)
    assert "replay" in run(*settle, "--help")
    run(*settle, "replay", ROOT / "tests" / "golden" / "day.jsonl", "--out", "out")
    assert "no difference" in run(*settle, "verify", "out")
    for tool in ("pytest", "beancount", "hypothesis", "testcontainers", "ruff"):
        assert find_spec(tool) is not None
        assert tool not in run(python, "-m", "pip", "list")
