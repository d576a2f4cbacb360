"""`settle config` (contract section 12): the environment, one TOML file, and no secret shown."""

import logging
import re
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scripts.buckets import buckets
from scripts.credentials import without_credentials
from scripts.errors import Failure
from scripts.settings import Settings, broker, firm, read_settings
from scripts.settle import app, main
from scripts.worker import PrintableFormatter

Toml = Callable[[str], None]


@pytest.fixture(autouse=True)
def toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toml:
    """Work in a folder without settings; return what writes a settle.toml."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SETTLE_{name.upper()}", raising=False)

    def write(text: str) -> None:
        (tmp_path / "settle.toml").write_text(text, encoding="utf-8")

    return write


def shown(columns: int = 300) -> str:
    """Return what `settle config` prints."""
    result = CliRunner(env={"COLUMNS": str(columns)}).invoke(app, ["config"])
    assert result.exit_code == 0, result.output
    return result.output


def line_of(name: str, output: str) -> str:
    """Return the line of a setting."""
    (line,) = [line for line in output.split("\n") if line.split()[:1] == [name]]
    return line


def test_the_defaults() -> None:
    settings = read_settings()
    assert (settings.partitions, settings.quiet_commit_ms) == (4, 1000)
    assert settings.s3_url.startswith("file:")  # a local folder
    assert settings.web_host == "127.0.0.1"  # nobody else's
    assert settings.csv_safe is False  # files hold texts as they came


@pytest.mark.parametrize(
    ("name", "variable", "text", "value"),
    [
        pytest.param("brokers", "SETTLE_BROKERS", "k1:9092,k2:9092", "k1:9092,k2:9092", id="text"),
        pytest.param(
            "s3_url", "SETTLE_S3_URL", "https://s3.example", "https://s3.example", id="s3"
        ),
        pytest.param("partitions", "SETTLE_PARTITIONS", "8", 8, id="a-number"),
        pytest.param("quiet_commit_ms", "SETTLE_QUIET_COMMIT_MS", "250", 250, id="milliseconds"),
        pytest.param("csv_safe", "SETTLE_CSV_SAFE", "True", True, id="a-switch"),
    ],
)
def test_an_environment_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, variable: str, text: str, value: object
) -> None:
    monkeypatch.setenv(variable, text)
    assert getattr(read_settings(), name) == value
    assert line_of(name, shown()) == f"{name} = {text}"
    assert f" {variable}: " in shown()


def test_the_file(toml: Toml) -> None:
    toml('partitions = 8\nbrokers = "k:1"\n')
    settings = read_settings()
    assert (settings.partitions, settings.brokers) == (8, "k:1")
    assert settings.quiet_commit_ms == 1000  # what it does not say stays as it is


def test_the_environment_comes_before_the_file(toml: Toml, monkeypatch: pytest.MonkeyPatch) -> None:
    toml('partitions = 8\nbrokers = "k:1"\n')
    monkeypatch.setenv("SETTLE_PARTITIONS", "3")
    settings = read_settings()
    assert (settings.partitions, settings.brokers) == (3, "k:1")


def test_it_says_whether_the_file_was_read(toml: Toml) -> None:
    assert "settle.toml (not there)" in shown()
    toml("")
    assert "settle.toml (read)" in shown()


def test_settings_can_not_be_changed_once_read() -> None:
    settings = read_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.partitions = 5  # type: ignore[misc]  # frozen: that is the test


def test_other_programs_variables_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETTLEMENT_PARTITIONS", "7")
    monkeypatch.setenv("PARTITIONS", "7")
    assert read_settings().partitions == 4


def test_a_misspelt_variable_is_named_by_config(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be another program's, so it stops nobody."""
    monkeypatch.setenv("SETTLE_PARTITION", "8")
    monkeypatch.setenv("SETTLE_TRACEBACK", "1")
    assert "\n# SETTLE_PARTITION is set, but is no setting\n" in shown()
    assert "SETTLE_TRACEBACK" not in shown()
    assert read_settings().partitions == 4


def test_a_misspelt_name_in_the_file_is_not_to_be_set_elsewhere(toml: Toml) -> None:
    toml("partition = 8\n")
    with pytest.raises(Failure) as failure:
        read_settings()
    assert str(failure.value) == "settle.toml: partition is no setting; README.md lists them"


# -- bad values ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param('partitions = "many"\n', "partitions", id="no-number"),
        pytest.param("partitions = 0\n", "partitions", id="too-small"),
        pytest.param("partitions = 1001\n", "partitions", id="too-large"),
        pytest.param("partitions = 1.5\n", "partitions", id="a-fraction"),
        pytest.param("quiet_commit_ms = 0\n", "quiet_commit_ms", id="no-time-at-all"),
        pytest.param('brokers = ["a:1", "b:2"]\n', "brokers", id="a-list"),
        pytest.param("s3_secret_access_key = 5\n", "s3_secret_access_key", id="a-secret"),
        pytest.param("partitons = 8\n", "partitons", id="misspelt"),
        pytest.param("[kafka]\npartitions = 8\n", "kafka", id="a-table"),
        pytest.param("partitions = \n", "settle.toml", id="no-toml"),
        pytest.param("partitions = 8\npartitions = 9\n", "settle.toml", id="twice"),
    ],
)
def test_a_bad_file_is_one_line_that_names_the_setting(toml: Toml, text: str, names: str) -> None:
    toml(text)
    with pytest.raises(Failure) as failure:
        read_settings()
    message = str(failure.value)
    assert names in message
    assert "settle.toml" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        pytest.param("SETTLE_PARTITIONS", "many", id="no-number"),
        pytest.param("SETTLE_PARTITIONS", "", id="empty"),
        pytest.param("SETTLE_PARTITIONS", "-1", id="negative"),
        pytest.param("SETTLE_QUIET_COMMIT_MS", "1s", id="with-a-unit"),
        pytest.param("SETTLE_CSV_SAFE", "perhaps", id="neither-true-nor-false"),
    ],
)
def test_a_bad_variable_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(Failure) as failure:
        read_settings()
    assert variable in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "settle.toml").write_bytes(b'brokers = "\xff\xfe"\n')
    with pytest.raises(Failure, match=r"settle\.toml"):
        read_settings()


# -- secrets ---------------------------------------------------------------------------------------

SECRETS = (
    "SETTLE_S3_SESSION_TOKEN",
    "SETTLE_S3_ACCESS_KEY_ID",
    "SETTLE_S3_SECRET_ACCESS_KEY",
    "SETTLE_KAFKA_SASL_USERNAME",
    "SETTLE_KAFKA_SASL_PASSWORD",
)


def test_secrets_pass_through_and_are_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in SECRETS:
        monkeypatch.setenv(variable, "hunter2")
    output = shown()
    assert "hunter2" not in output
    for variable in SECRETS:
        name = variable.removeprefix("SETTLE_").lower()
        assert "set, not shown" in line_of(name, output)
    settings = read_settings()
    assert "hunter2" not in repr(settings)
    secret = settings.kafka_sasl_password
    assert secret is not None
    assert secret.get_secret_value() == "hunter2"


def test_nor_those_of_the_file(toml: Toml) -> None:
    toml('s3_secret_access_key = "hunter2"\nkafka_sasl_password = "hunter2"\n')
    assert "hunter2" not in shown()


def test_nor_in_a_message_about_a_bad_value(toml: Toml, monkeypatch: pytest.MonkeyPatch) -> None:
    toml('s3_secret_access_key = ["hunter2"]\n')
    monkeypatch.setenv("SETTLE_KAFKA_SASL_PASSWORD", "hunter2")
    with pytest.raises(Failure) as failure:
        read_settings()
    assert "hunter2" not in str(failure.value)


@pytest.mark.parametrize(
    ("variable", "address", "shown_as"),
    [
        pytest.param(
            "SETTLE_S3_URL",
            "https://me:hunter2@s3.example/base",
            "https://(not shown)@s3.example/base",
            id="user-and-password",
        ),
        pytest.param(
            "SETTLE_S3_URL",
            "https://hunter2@s3.example/base",
            "https://(not shown)@s3.example/base",
            id="a-token-as-user",
        ),
        pytest.param(
            "SETTLE_S3_ENDPOINT",
            "https://me:hunter2/hunter2@hunter2@s3.example",
            "https://(not shown)@s3.example",
            id="a-password-with-the-marks-of-a-URL",
        ),
        pytest.param(
            "SETTLE_APEX_URL",
            "https://firm.example/journals?token=hunter2&x=1",
            "https://firm.example/journals?(not shown)",
            id="a-token-in-the-query",
        ),
        pytest.param(
            "SETTLE_APEX_URL",
            "https://firm.example/journals#hunter2",
            "https://firm.example/journals?(not shown)",
            id="a-fragment",
        ),
        pytest.param("SETTLE_BROKERS", "me:hunter2@k1:9092", "(not shown)@k1:9092", id="a-broker"),
        pytest.param(
            "SETTLE_BROKERS",
            "me:hunter2@k1:9092,me:hun,ter2@k2:9092",
            "(not shown)@k2:9092",
            id="several-brokers",
        ),
        pytest.param(
            "SETTLE_BROKERS", "k1:9092?password=hunter2", "k1:9092?(not shown)", id="brokers-query"
        ),
        pytest.param(
            "SETTLE_BROKERS",
            "kafka://me:hunter2@k1:9092",
            "kafka://(not shown)@k1:9092",
            id="brokers-as-a-URL",
        ),
        pytest.param(
            "SETTLE_WEB_HOST",
            "http://me:hunter2@host",
            "http://(not shown)@host",
            id="where-none-belongs",
        ),
    ],
)
def test_nor_inside_an_address(
    monkeypatch: pytest.MonkeyPatch, variable: str, address: str, shown_as: str
) -> None:
    monkeypatch.setenv(variable, address)
    name = variable.removeprefix("SETTLE_").lower()
    assert "hunter2" not in shown()
    assert line_of(name, shown()) == f"{name} = {shown_as}"
    assert getattr(read_settings(), name) == address


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        pytest.param("brokers", "me:hunter2@k1:9092", id="brokers"),
        pytest.param("brokers", "k1?token=hunter2:9092", id="brokers-query"),
        pytest.param("brokers", "k1?token=hunter2", id="brokers-query-without-a-port"),
        pytest.param("brokers", "k1:9092,kafka://me:hunter2@k2:9092", id="brokers-URL"),
        pytest.param("s3_url", "s3://me:hunter2@bucket", id="bucket"),
        pytest.param("s3_url", "https://me:hunter2@s3.example", id="no-bucket"),
        pytest.param("s3_url", "file://me:hunter2@host/folder", id="folder-of-a-host"),
        pytest.param("s3_endpoint", "https://me:hunter2@s3.example", id="endpoint"),
        pytest.param("s3_endpoint", "https://s3.example/?token=hunter2", id="endpoint-query"),
        pytest.param("apex_url", "https://me:hunter2@firm.example/journals", id="firm"),
        pytest.param("apex_url", "https://firm.example:99999/?token=hunter2", id="firms-port"),
        pytest.param("apex_url", "https://[firm/?token=hunter2", id="firms-bracket"),
    ],
)
def test_nor_in_the_line_for_an_address_that_is_wrong(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: str
) -> None:
    monkeypatch.setenv(f"SETTLE_{setting.upper()}", value)
    if setting == "s3_endpoint":
        monkeypatch.setenv("SETTLE_S3_URL", "s3://bucket")
    read = {"brokers": broker, "apex_url": firm}.get(setting, buckets)
    with pytest.raises(Failure, match=f"setting {setting}") as failure:
        read(read_settings())
    assert "hunter2" not in str(failure.value)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        pytest.param(
            ("buying-power", "--client", "ACME", "--from", "https://me:hunter2@host/x"),
            "settle: https://(not shown)@host/x: no such folder\n",
            id="from-an-address",
        ),
        pytest.param(
            ("buying-power", "--client", "ACME", "--from", "s3://me:hunter2@bucket"),
            "settle: --from: neither file:FOLDER nor s3://BUCKET[/PREFIX];"
            " {client} in it stands for the client's code\n",
            id="from-a-bucket",
        ),
        pytest.param(
            ("verify", "https://me:hunter2@host/x"),
            "settle: https:/(not shown)@host/x: no such directory; settle replay makes one"
            " with --out\n",
            id="as-a-path",
        ),
        pytest.param(
            ("replay", "https://host/day.jsonl?token=hunter2", "--out", "out"),
            "settle: https://host/day.jsonl?(not shown) No such file or directory\n",
            id="as-an-input",
        ),
    ],
)
def test_nor_in_the_line_for_an_address_on_the_command_line(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    line: str,
) -> None:
    monkeypatch.setattr("sys.argv", ["settle", *arguments])
    with pytest.raises(SystemExit, match="1"):
        main()
    assert capsys.readouterr().err == line


def test_nor_in_a_log() -> None:
    error = (
        "400, message='Bad status line', url='https://firm.example/journals?token=hunter2'"
        " after https://me:hunter2@proxy.example/"
    )
    record = logging.LogRecord("x", logging.ERROR, "", 0, "journal %s: %s", ("J1", error), None)
    assert PrintableFormatter("%(message)s").format(record) == (
        "journal J1: 400, message='Bad status line', url='https://firm.example/journals?(not shown)"
        " after https://(not shown)@proxy.example/"
    )


def test_what_has_no_credentials_is_shown_whole() -> None:
    text = 'executions NET_SETTLEMENT@2026-11-23T15:00:00Z "s3://ACME/a.csv","MAINTENANCE_END@x"'
    assert without_credentials(text) == text


def test_what_is_not_set_is_shown_as_such() -> None:
    assert "set, not shown" not in shown()


# -- what is printed is what holds -----------------------------------------------------------------


@pytest.mark.parametrize("columns", [40, 80, 300])
def test_names_and_values_are_whole_at_any_width(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    brokers = "kafka-1.a-long-name.example:9092,kafka-2.a-long-name.example:9092"
    monkeypatch.setenv("SETTLE_BROKERS", brokers)
    output = shown(columns)
    assert f"brokers = {brokers}\n" in output
    for name in Settings.model_fields:
        assert f"{name} = " in output
        assert f"SETTLE_{name.upper()}" in output


@pytest.mark.parametrize(
    "brokers",
    [
        pytest.param("[fe80::1]:9092", id="an-ipv6-address"),
        pytest.param("[/x]", id="what-looks-like-markup"),
        pytest.param("[bold]k[/bold]:1", id="markup"),
    ],
)
def test_values_are_shown_as_they_are(monkeypatch: pytest.MonkeyPatch, brokers: str) -> None:
    monkeypatch.setenv("SETTLE_BROKERS", brokers)
    assert brokers in shown()


# -- where Kafka is --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "brokers",
    [
        pytest.param("", id="none"),
        pytest.param("k:1,", id="one-missing"),
        pytest.param("k:port", id="no-number"),
        pytest.param("a:b:c", id="two-colons"),
        pytest.param("kafka://k:1", id="a-url"),
        pytest.param("me:hunter2@k:1", id="credentials"),
        pytest.param("k 1", id="a-space"),
    ],
)
def test_no_address(monkeypatch: pytest.MonkeyPatch, brokers: str) -> None:
    monkeypatch.setenv("SETTLE_BROKERS", brokers)
    with pytest.raises(Failure, match=r"setting brokers: address . is no HOST:PORT") as failure:
        broker(read_settings())
    assert "hunter2" not in str(failure.value)


@pytest.mark.parametrize(
    ("brokers", "bootstrap"),
    [
        pytest.param("k", "k", id="the-default-port"),
        pytest.param("k1:9092, k2:9092", "k1:9092,k2:9092", id="spaces-between"),
        pytest.param("[fe80::1]:9092", "[fe80::1]:9092", id="an-ipv6-address"),
    ],
)
def test_addresses(monkeypatch: pytest.MonkeyPatch, brokers: str, bootstrap: str) -> None:
    monkeypatch.setenv("SETTLE_BROKERS", brokers)
    assert broker(read_settings()).bootstrap == bootstrap


def test_credentials_reach_kafkas_clients_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETTLE_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("SETTLE_KAFKA_SASL_USERNAME", "settle")
    monkeypatch.setenv("SETTLE_KAFKA_SASL_PASSWORD", "hunter2")
    found = broker(read_settings())
    assert found.security["sasl_mechanism"] == "PLAIN"  # the default
    credentials = [found.security[f"sasl_plain_{name}"] for name in ("username", "password")]
    assert credentials == ["settle", "hunter2"]
    assert found.security["ssl_context"].verify_mode is ssl.CERT_REQUIRED
    assert found.security["ssl_context"].check_hostname
    assert "hunter2" not in repr(found)


def test_a_login_without_tls_has_no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETTLE_KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    monkeypatch.setenv("SETTLE_KAFKA_SASL_USERNAME", "settle")
    monkeypatch.setenv("SETTLE_KAFKA_SASL_PASSWORD", "hunter2")
    assert "ssl_context" not in broker(read_settings()).security


# -- what is written of them -----------------------------------------------------------------------


def test_the_readme_names_every_setting_with_its_default() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `SETTLE_([A-Z0-9_]+)` \| ([^|]*) \|", readme, re.MULTILINE)
    defaults = {
        name.upper(): "" if field.default is None else f"`{field.default}`"
        for name, field in Settings.model_fields.items()
    }
    assert dict(rows) == defaults
    assert len(rows) == len(defaults)
