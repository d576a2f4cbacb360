"""`settle config`: the settings in force, from the environment and one TOML file, read once."""

import os
import re
import ssl
import sys
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from typing_extensions import override

from schemas.printable import printable
from scripts.credentials import address_without_credentials, without_credentials
from scripts.errors import TRACEBACK, Failure
from topics.catalogue import PARTITIONS_DEFAULT

if TYPE_CHECKING:
    from agents.broker import Broker
    from agents.clearing_firm import FirmAddress

CONFIG_FILE = Path("settle.toml")
_PREFIX = "SETTLE_"
# Addresses that people put a user and a password into.
_MAY_HOLD_CREDENTIALS = frozenset({"apex_url", "brokers", "s3_url", "s3_endpoint"})
_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_ADDRESS = re.compile(r"(\[[\da-fA-F:.]+\]|[^\s:/@?#&=\[\]]+)(:(\d{1,5}))?")
_PORT_MAX = 65535
_HTTP = re.compile(r"https?://[^\s/@?#]+(:\d{1,5})?(/[^\s#]*)?")


class Settings(BaseSettings):
    """Every setting of settle. An environment variable `SETTLE_<NAME>` comes before the file."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix=_PREFIX, toml_file=CONFIG_FILE, extra="forbid", frozen=True
    )

    brokers: str = Field("127.0.0.1:9092", description="Kafka bootstrap servers, comma-separated")
    partitions: Annotated[
        int, Field(ge=1, le=1000, description="partitions of every account-keyed topic")
    ] = PARTITIONS_DEFAULT
    quiet_commit_ms: Annotated[
        int,
        Field(ge=1, description="how long inputs without output may wait for a transaction"),
    ] = 1000
    replication: Annotated[
        int, Field(ge=1, le=10, description="copies of every topic; 3 need 2 of them in sync")
    ] = 1
    web_host: str = Field(
        "127.0.0.1", description="the address a worker's web pages listen on; 0.0.0.0: every one"
    )
    web_port: Annotated[
        int,
        Field(
            ge=0,
            le=65535,
            description="of /health and /status; not set, the first free port from 6066 on",
        ),
    ] = 6066
    s3_url: str = Field(
        "file:out/s3",
        description="where clients' files go: file:FOLDER or s3://BUCKET[/PREFIX], with {client}",
    )
    s3_endpoint: str | None = Field(None, description="an S3 server that is not Amazon's")
    s3_region: str | None = Field(None, description="of the buckets; default us-east-1")
    s3_path_style: bool | None = Field(
        None, description="bucket names in the path; default true with an endpoint"
    )
    s3_allow_http: bool = Field(default=False, description="an endpoint without TLS is no harm")
    s3_cafile: Path | None = Field(
        None, description="certificates of who signed the endpoint's own; default the system's"
    )
    s3_access_key_id: SecretStr | None = Field(None, description="S3 credentials; default AWS's")
    s3_secret_access_key: SecretStr | None = Field(None, description="S3 credentials")
    s3_session_token: SecretStr | None = Field(None, description="S3 credentials that end soon")
    s3_encryption: Literal["AES256", "aws:kms", "aws:kms:dsse"] | None = Field(
        None, description="server-side encryption of each file; default the bucket's own"
    )
    s3_kms_key: str | None = Field(None, description="the key of aws:kms; default the account's")
    s3_create: Literal["conditional", "look-first"] = Field(
        "conditional", description="look-first for a server that refuses If-None-Match on a put"
    )
    s3_timeout_seconds: Annotated[
        int, Field(ge=1, le=3600, description="an answer to one put or read has so long")
    ] = 60
    csv_safe: bool = Field(
        default=False,
        description="an apostrophe before texts in clients' files that a spreadsheet would run",
    )
    apex_url: str | None = Field(
        None, description="where the clearing firm takes journals; none: nobody asks it"
    )
    apex_token: SecretStr | None = Field(None, description="what shows the firm who we are")
    apex_timeout_ms: Annotated[
        int, Field(ge=1, le=600_000, description="the firm's answer to one request has so long")
    ] = 10_000
    apex_give_up_ms: Annotated[
        int,
        Field(ge=1, description="a journal is asked for so long; the next retry asks again"),
    ] = 600_000
    kafka_security_protocol: str = Field(
        _PROTOCOLS[0], description=f"one of {', '.join(_PROTOCOLS)}"
    )
    kafka_sasl_mechanism: str | None = Field(
        None, description=f"one of {', '.join(_MECHANISMS)}; default {_MECHANISMS[0]}"
    )
    kafka_sasl_username: SecretStr | None = Field(None, description="SASL credentials")
    kafka_sasl_password: SecretStr | None = Field(None, description="SASL credentials")
    kafka_ssl_cafile: Path | None = Field(
        None, description="certificates of who signed the brokers' own; default the system's"
    )
    kafka_ssl_certfile: Path | None = Field(
        None, description="our own certificate, where brokers ask for one"
    )
    kafka_ssl_keyfile: Path | None = Field(None, description="its key, where that is another file")

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment first, then the file."""
        return (env_settings, TomlConfigSettingsSource(settings_cls))


def read_settings() -> Settings:
    """Return the settings in force.

    Raises:
        Failure: a setting is unknown or has a bad value, or the file is no TOML.
    """
    for variable in sorted(os.environ):
        # Misspelt, they would be ignored, and a file go elsewhere.
        if variable.startswith(f"{_PREFIX}S3_") and variable not in _variables():
            raise Failure(f"{variable} is no setting; settle config shows all")
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise Failure(f"{CONFIG_FILE}: {name} is no setting; README.md lists them") from None
        said = first["msg"].removeprefix("Value error, ")
        raise Failure(
            f"setting {name}: {said}; set {_PREFIX}{name.upper()} or mend {CONFIG_FILE}"
        ) from None
    except (TOMLDecodeError, UnicodeDecodeError) as error:
        raise Failure(f"{CONFIG_FILE}: not TOML: {error}") from None
    except OSError as error:
        raise Failure(f"{CONFIG_FILE}: {error.strerror or error}") from None


def _variables() -> set[str]:
    return {f"{_PREFIX}{name.upper()}" for name in Settings.model_fields}


def broker(settings: Settings) -> "Broker":
    """Return where Kafka is, and with which credentials.

    Raises:
        Failure: the security settings do not fit together, or a certificate can't be read.
    """
    addresses = [address.strip() for address in settings.brokers.split(",")]
    for number, address in enumerate(addresses, 1):
        found = _ADDRESS.fullmatch(address)
        if found is None or int(found[3] or 0) > _PORT_MAX:  # not shown: it may hold credentials
            raise Failure(f"setting brokers: address {number} is no HOST:PORT")
    protocol = settings.kafka_security_protocol
    if protocol not in _PROTOCOLS:
        raise Failure(
            f"setting kafka_security_protocol: {protocol!r} is none of {', '.join(_PROTOCOLS)}"
        )
    security: dict[str, Any] = {"security_protocol": protocol}
    if protocol.endswith("SSL"):
        try:
            context = ssl.create_default_context(cafile=settings.kafka_ssl_cafile)
            if settings.kafka_ssl_certfile is not None:
                context.load_cert_chain(settings.kafka_ssl_certfile, settings.kafka_ssl_keyfile)
        except OSError as error:  # also what is no certificate
            raise Failure(
                "settings kafka_ssl_cafile, kafka_ssl_certfile, kafka_ssl_keyfile:"
                f" {error.strerror or error}"
            ) from None
        security["ssl_context"] = context
    if protocol.startswith("SASL"):
        mechanism = settings.kafka_sasl_mechanism or _MECHANISMS[0]
        if mechanism not in _MECHANISMS:
            raise Failure(
                f"setting kafka_sasl_mechanism: {mechanism!r} is none of {', '.join(_MECHANISMS)}"
            )
        username, password = settings.kafka_sasl_username, settings.kafka_sasl_password
        if username is None or password is None:
            raise Failure(
                f"{protocol} needs the settings kafka_sasl_username and kafka_sasl_password"
            )
        security["sasl_mechanism"] = mechanism
        security["sasl_plain_username"] = username.get_secret_value()
        security["sasl_plain_password"] = password.get_secret_value()
    # Imported here: most commands need no Kafka client.
    from agents.broker import Broker

    return Broker(",".join(addresses), security)


def firm(settings: Settings) -> "FirmAddress | None":
    """Return where the clearing firm is, None if the settings name none.

    Raises:
        Failure: the address is none of HTTP's.
    """
    if settings.apex_url is None:
        return None
    if not _is_http(settings.apex_url):  # not shown: people put credentials there
        raise Failure("setting apex_url: no address such as https://firm.example/journals")
    from agents.clearing_firm import FirmAddress

    token = settings.apex_token
    return FirmAddress(
        settings.apex_url,
        settings.apex_timeout_ms,
        settings.apex_give_up_ms,
        None if token is None else token.get_secret_value(),
    )


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(_HTTP.fullmatch(url) and parts.hostname and parts.port != 0)
    except ValueError:  # a port beyond the last, a bracket too few
        return False


def config() -> None:
    """Print the settings in force, and where each may be set. Secrets are never printed.

    An environment variable comes before settle.toml in this folder, that before the default.

    Example: SETTLE_PARTITIONS=8 settle config
    """
    settings = read_settings()
    there = "read" if CONFIG_FILE.is_file() else "not there"
    sys.stdout.write(f"# from the environment, then {CONFIG_FILE} ({there}), then the defaults\n")
    for variable in sorted(os.environ):
        if variable.startswith(_PREFIX) and variable not in _variables() | {TRACEBACK}:
            sys.stdout.write(f"# {variable} is set, but is no setting\n")
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        shown = "" if value is None else str(value)
        if isinstance(value, SecretStr):
            shown = "(set, not shown)"
        elif name in _MAY_HOLD_CREDENTIALS:
            shown = address_without_credentials(shown)
        shown = printable(without_credentials(shown))
        sys.stdout.write(f"{name} = {shown}\n    {_PREFIX}{name.upper()}: {field.description}\n")
