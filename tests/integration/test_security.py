"""A broker that asks for TLS and a password (contract section 12): settings alone, none shown."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from scripts.local_kafka import LocalKafka, free_port, java
from tests.integration.conftest import SETTLE

pytestmark = pytest.mark.integration

PASSWORDS = {"PLAIN": "hunter2-in-plain", "SCRAM-SHA-512": "hunter2-in-scram"}
READY_SECONDS = 60.0
_STORE = "hunter2-of-the-store"


@dataclass(frozen=True, slots=True)
class Secured:
    """A broker with a listener for those who have a password, and its certificate."""

    node: LocalKafka
    port: int
    directory: Path

    def environment(self, **more: str | None) -> dict[str, str]:
        """Return what a person sets to be let in; None takes a variable away."""
        settings = {
            "SETTLE_BROKERS": f"127.0.0.1:{self.port}",
            "SETTLE_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "SETTLE_KAFKA_SASL_MECHANISM": "PLAIN",
            "SETTLE_KAFKA_SASL_USERNAME": "settle",
            "SETTLE_KAFKA_SASL_PASSWORD": PASSWORDS["PLAIN"],
            "SETTLE_KAFKA_SSL_CAFILE": str(self.directory / "authority.pem"),
            "SETTLE_S3_URL": f"file:{self.directory / 's3'}",
        }
        changed = os.environ | settings | more
        return {name: value for name, value in changed.items() if value is not None}

    def settle(self, *arguments: str, **more: str | None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SETTLE, *arguments],
            env=self.environment(**more),
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


def _certificate(directory: Path, name: str) -> Path:
    """Make a key that signs itself, for this address; return its store, and write its PEM."""
    store = directory / f"{name}.p12"
    keytool = str(Path(java()).with_name("keytool"))
    common = ["-alias", "kafka", "-keystore", str(store), "-storepass", _STORE]
    made = ["-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1", "-dname", f"CN={name}"]
    made += ["-ext", "san=ip:127.0.0.1", "-ext", "bc:c=ca:true"]
    made += ["-ext", "ku:c=digitalSignature,keyCertSign", "-validity", "30", "-storetype", "PKCS12"]
    shown = ["-exportcert", "-rfc", "-file", str(directory / f"{name}.pem")]
    for command in (made, shown):
        subprocess.run([keytool, *command, *common], check=True, capture_output=True)
    return store


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    directory = tmp_path_factory.mktemp("secured")
    store = _certificate(directory, "authority")
    _certificate(directory, "another")
    plain, port, controller = free_port(), free_port(), free_port()
    listeners = f"PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{port}"
    modules = "org.apache.kafka.common.security"
    node = LocalKafka(
        directory / "node",
        plain,
        controller_port=controller,
        more={
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": listeners,
            "sasl.enabled.mechanisms": ",".join(PASSWORDS),
            "listener.name.sasl_ssl.plain.sasl.jaas.config": (
                f'{modules}.plain.PlainLoginModule required user_settle="{PASSWORDS["PLAIN"]}";'
            ),
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": (
                f"{modules}.scram.ScramLoginModule required;"
            ),
            "ssl.keystore.type": "PKCS12",
            "ssl.keystore.location": str(store),
            "ssl.keystore.password": _STORE,
        },
        format_options=[
            "--add-scram",
            f"SCRAM-SHA-512=[name=settle,password={PASSWORDS['SCRAM-SHA-512']}]",
        ],
    )
    node.start()
    try:
        yield Secured(node, port, directory)
    finally:
        node.kill()


@pytest.mark.parametrize("mechanism", sorted(PASSWORDS))
def test_the_commands_are_let_in(secured: Secured, mechanism: str, tmp_path: Path) -> None:
    credentials = {
        "SETTLE_KAFKA_SASL_MECHANISM": mechanism,
        "SETTLE_KAFKA_SASL_PASSWORD": PASSWORDS[mechanism],
    }
    made = secured.settle("topics", "create", **credentials)
    assert made.returncode == 0, made.stderr
    checked = secured.settle("topics", "check", **credentials)
    assert checked.returncode == 0, checked.stderr

    client = mechanism.replace("-", "")
    path = tmp_path / f"{client}.jsonl"
    value = {
        "type": "ClientUpdated",
        "event_id": client,
        "event_time": "2026-03-02T00:00:00Z",
        "client": client,
        "commission_model": "MARKUP",
    }
    path.write_text(json.dumps({"topic": "clients", "value": value}) + "\n")
    sent = secured.settle("produce", str(path), "--flat-out", **credentials)
    assert sent.returncode == 0, sent.stderr
    read = secured.settle("consume", "clients", "--json", **credentials)
    assert read.returncode == 0, read.stderr
    assert value in [json.loads(line) for line in read.stdout.splitlines()]


def _answer(port: int, page: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://127.0.0.1:{port}/{page}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()
    except (URLError, OSError):
        return 0, ""


@pytest.mark.parametrize("mechanism", sorted(PASSWORDS))
def test_a_worker_is_let_in(secured: Secured, mechanism: str) -> None:
    """Its tasks, and its monitor: that reads by Faust's own client, and sees what they refuse."""
    credentials = {
        "SETTLE_KAFKA_SASL_MECHANISM": mechanism,
        "SETTLE_KAFKA_SASL_PASSWORD": PASSWORDS[mechanism],
    }
    assert secured.settle("topics", "create", **credentials).returncode == 0
    refused = secured.directory / f"refused-by-{mechanism}.jsonl"
    # Another line for each: what was sent before is not sent again.
    refused.write_text(f'{{"topic": "clients", "value": {{"type": "By{mechanism}"}}}}\n')
    assert secured.settle("produce", str(refused), "--flat-out", **credentials).returncode == 0
    port = free_port()
    log = secured.directory / f"worker-{mechanism}.log"
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [SETTLE, "worker", "--verbose", "--web-port", str(port)],
            env=secured.environment(**credentials),
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + READY_SECONDS
        status = ""
        while _answer(port, "health")[0] != 200 or '"UNKNOWN_TYPE"' not in status:
            assert worker.poll() is None, log.read_text()
            said = _answer(port, "health")[1] + status + log.read_text()
            assert time.monotonic() < deadline, said
            time.sleep(0.2)
            _, status = _answer(port, "status")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(15) == 0, log.read_text()
    finally:
        worker.kill()
        worker.wait()
    assert set(json.loads(status)["tasks"]) >= {"market", "trading", "settlement"}
    for secret in PASSWORDS.values():
        assert secret not in log.read_text() + status


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param(
            {"SETTLE_KAFKA_SASL_PASSWORD": "hunter2-guessed"},
            "it refuses our user or password; see SETTLE_KAFKA_SASL_USERNAME",
            id="wrong-password",
        ),
        pytest.param(
            {
                "SETTLE_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
                "SETTLE_KAFKA_SASL_PASSWORD": "hunter2-guessed",
            },
            "it refuses our user or password; see SETTLE_KAFKA_SASL_USERNAME",
            id="wrong-password-by-scram",
        ),
        pytest.param(
            {"SETTLE_KAFKA_SASL_USERNAME": "hunter2-nobody"},
            "it refuses our user or password; see SETTLE_KAFKA_SASL_USERNAME",
            id="unknown-user",
        ),
        pytest.param(
            {"SETTLE_KAFKA_SASL_MECHANISM": "SCRAM-SHA-256"},
            "it takes another way to log in; see SETTLE_KAFKA_SASL_MECHANISM",
            id="a-mechanism-that-it-does-not-take",
        ),
        pytest.param(
            {"SETTLE_KAFKA_SASL_MECHANISM": "GUESSING"},
            "kafka_sasl_mechanism: 'GUESSING' is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512",
            id="unknown-mechanism",
        ),
        pytest.param(
            {"SETTLE_KAFKA_SSL_CAFILE": "another.pem"},
            "its certificate is not to be trusted",
            id="wrong-authority",
        ),
        pytest.param(
            {"SETTLE_KAFKA_SSL_CAFILE": None},
            "its certificate is not to be trusted",
            id="no-authority",
        ),
        pytest.param(
            {"SETTLE_KAFKA_SSL_CAFILE": "nowhere.pem"},
            "kafka_ssl_keyfile: No such file or directory",
            id="missing-authority",
        ),
        pytest.param(
            {"SETTLE_KAFKA_SASL_PASSWORD": None},
            "SASL_SSL needs the settings kafka_sasl_username and kafka_sasl_password",
            id="missing-password",
        ),
        pytest.param(
            {"SETTLE_KAFKA_SASL_USERNAME": None},
            "SASL_SSL needs the settings kafka_sasl_username and kafka_sasl_password",
            id="missing-user",
        ),
        pytest.param(
            {"SETTLE_KAFKA_SECURITY_PROTOCOL": "TLS"},
            "kafka_security_protocol: 'TLS' is none of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL",
            id="unknown-protocol",
        ),
        pytest.param(
            {"SETTLE_KAFKA_SECURITY_PROTOCOL": None},
            "who listens there does not speak PLAINTEXT; see SETTLE_KAFKA_SECURITY_PROTOCOL",
            id="no-tls",
        ),
        pytest.param(
            {"SETTLE_KAFKA_SECURITY_PROTOCOL": "SSL"},
            "who listens there does not speak SSL; see SETTLE_KAFKA_SECURITY_PROTOCOL",
            id="no-login",
        ),
        pytest.param(
            {"SETTLE_BROKERS": "settle:hunter2-in-address@127.0.0.1:9092"},
            "setting brokers: address 1 is no HOST:PORT",
            id="credentials-in-the-address",
        ),
    ],
)
def test_refused_in_one_clear_line_without_the_secret(
    secured: Secured, changed: dict[str, str | None], said: str
) -> None:
    line = _refusal(secured.settle("topics", "check", **changed))
    assert said in line


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param(
            {"SETTLE_KAFKA_SASL_PASSWORD": "hunter2-guessed"},
            "it refuses our user or password",
            id="wrong-password",
        ),
        pytest.param(
            {"SETTLE_KAFKA_SSL_CAFILE": "another.pem"},
            "its certificate is not to be trusted",
            id="wrong-authority",
        ),
        pytest.param(
            {"SETTLE_KAFKA_SASL_USERNAME": None},
            "SASL_SSL needs the settings kafka_sasl_username and kafka_sasl_password",
            id="missing-user",
        ),
        pytest.param(
            {"SETTLE_BROKERS": "127.0.0.1:1"},
            "Connect call failed",
            id="nobody-there",
        ),
    ],
)
def test_so_is_a_worker(secured: Secured, changed: dict[str, str | None], said: str) -> None:
    assert said in _refusal(secured.settle("worker", "--web-port", "0", **changed))


def _refusal(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line with which a command has ended."""
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("settle: ")
    assert "hunter2" not in line
    return line


def test_config_shows_no_secret(secured: Secured) -> None:
    shown = secured.settle("config")
    assert shown.returncode == 0
    assert "hunter2" not in shown.stdout
    assert "kafka_sasl_password = (set, not shown)" in shown.stdout
