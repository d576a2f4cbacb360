"""Jars of a program that Maven knows, fetched once and kept in the user's cache."""

import contextlib
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path


class MavenRefusedError(Exception):
    """The jars can't be had; the message says what is missing."""


def fetched_jars(name: str, pom: bytes, megabytes: int) -> list[Path]:
    """Return the jars of a pom; the first time they are fetched.

    Raises:
        MavenRefusedError: Maven is missing or could not fetch them.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "settle" / f"{name}-{sha256(pom).hexdigest()[:12]}"
    if not folder.is_dir():
        maven = shutil.which("mvn")
        if maven is None:
            raise MavenRefusedError("Maven (mvn) is not installed")
        sys.stderr.write(f"fetching {name} with Maven, {megabytes} MB, this once ...\n")
        aside = folder.with_name(f"{folder.name}.{os.getpid()}")
        aside.mkdir(parents=True)
        (aside / "pom.xml").write_bytes(pom)
        fetched = subprocess.run(  # noqa: S603 - our own arguments
            [maven, "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={aside}/libs"],
            cwd=aside,
            capture_output=True,
            text=True,
            check=False,
        )
        if fetched.returncode:
            shutil.rmtree(aside)
            first = next(iter((fetched.stdout + fetched.stderr).strip().splitlines()), "no output")
            raise MavenRefusedError(f"Maven could not fetch {name}: {first}")
        # Another process may have been faster.
        with contextlib.suppress(OSError):
            aside.rename(folder)
        shutil.rmtree(aside, ignore_errors=True)
    return sorted((folder / "libs").glob("*.jar"))
