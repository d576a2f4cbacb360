"""A client reads its files out of a real S3 server as out of a folder."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from scripts.buying_power import buying_power_command
from scripts.errors import Failure
from scripts.reconcile import reconcile
from tests.integration.fault_proxy import Fault, FaultProxy, Kind
from tests.integration.s3_server import KEY_ID, SECRET, S3Server

pytestmark = pytest.mark.integration

GOLDEN = Path(__file__).parents[1] / "golden/expected"

app = typer.Typer()
app.command("buying-power")(buying_power_command)
app.command("reconcile")(reconcile)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One bucket for all clients below a prefix, and one for FEES alone."""
    with S3Server(tmp_path_factory.mktemp("s3")) as running:
        shutil.copytree(GOLDEN / "s3", running.bucket("all-clients") / "files/of/clients")
        shutil.copytree(GOLDEN / "s3/FEES", running.bucket("settle-fees"), dirs_exist_ok=True)
        running.bucket("empty")
        yield running


@pytest.fixture(autouse=True)
def settings(server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [*os.environ]:
        if name.startswith(("SETTLE_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    use(monkeypatch, ENDPOINT=f"http://127.0.0.1:{server.port}", ALLOW_HTTP="true")
    use(monkeypatch, ACCESS_KEY_ID=KEY_ID, SECRET_ACCESS_KEY=SECRET, TIMEOUT_SECONDS="5")


def use(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"SETTLE_S3_{name}", value)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def failure(result: Result) -> str:
    assert isinstance(result.exception, Failure), result
    message = str(result.exception)
    assert SECRET not in message
    assert KEY_ID not in message
    assert "\n" not in message
    return message


SOURCES = pytest.mark.parametrize(
    "source",
    [
        pytest.param("s3://all-clients/files/of/clients", id="all-below-a-prefix"),
        pytest.param("s3://all-clients/files/of/clients/FEES", id="the-clients-own-prefix"),
        pytest.param("s3://all-clients/files/of/clients/{client}", id="its-code-in-the-prefix"),
        pytest.param("s3://settle-fees", id="the-clients-own-bucket"),
        pytest.param("s3://settle-{client}", id="its-code-in-the-bucket"),
    ],
)


@SOURCES
def test_buying_power_is_the_same_as_from_a_folder(source: str) -> None:
    local = run("buying-power", "--from", GOLDEN, "--client", "FEES")
    assert local.exit_code == 0
    assert local.stdout.count("\n") > 2
    remote = run("buying-power", "--from", source, "--client", "FEES")
    assert (remote.exit_code, remote.stdout, remote.stderr) == (0, local.stdout, local.stderr)


@SOURCES
def test_reconciliation_is_the_same_as_from_a_folder(source: str, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("execution_id\nnobody-knows-it\n")
    local, remote = (
        run("reconcile", own, "--from", place, "--client", "FEES") for place in (GOLDEN, source)
    )
    assert remote.stdout == local.stdout
    assert "MISSING_THERE" in remote.stdout
    assert failure(remote) == failure(local)


@pytest.mark.parametrize(
    ("source", "changed", "says"),
    [
        pytest.param("s3://nowhere-at-all", {}, "404 Not Found (NoSuchBucket)", id="no-bucket"),
        pytest.param("s3://empty", {}, "there is no official aged file of FEES", id="empty"),
        pytest.param(
            "s3://settle-fees", {"SECRET_ACCESS_KEY": "wrong"}, "403 Forbidden", id="secret"
        ),
        pytest.param(
            "s3://settle-fees", {"ENDPOINT": "http://127.0.0.1:9"}, "no connection", id="no-server"
        ),
        pytest.param("s3://Settle_Fees", {}, "--from: neither file:FOLDER nor", id="no-name"),
    ],
)
def test_a_bucket_that_cannot_be_read_is_one_clear_line(
    source: str, changed: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, **changed)
    assert says in failure(run("buying-power", "--from", source, "--client", "FEES"))


@pytest.mark.parametrize("fault", ["unavailable", "cut_before", "cut_after"])
def test_what_goes_wrong_once_is_asked_for_again(
    fault: Kind, server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run("buying-power", "--from", "s3://settle-fees", "--client", "FEES").stdout
    done = set()

    def once(method: str, path: str) -> Fault:
        if (method, path) in done:
            return None
        done.add((method, path))
        return fault

    with FaultProxy(server.port) as proxy:
        proxy.fault = once
        use(monkeypatch, ENDPOINT=proxy.endpoint)
        printed = run("buying-power", "--from", "s3://settle-fees", "--client", "FEES")
    assert printed.stdout == expected
    assert len(done) > 4
