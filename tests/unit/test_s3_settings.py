"""Where clients' files go, by settings: what fits together, and one line for what does not."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from agents.buckets import Buckets
from scripts.buckets import buckets
from scripts.errors import Failure
from scripts.settings import read_settings


@pytest.fixture(autouse=True)
def nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [*os.environ]:
        if name.startswith(("SETTLE_", "AWS_")):
            monkeypatch.delenv(name)


def given(monkeypatch: pytest.MonkeyPatch, **settings: str) -> Buckets:
    for name, value in settings.items():
        monkeypatch.setenv(f"SETTLE_S3_{name.upper()}", value)
    return buckets(read_settings())


def refused(monkeypatch: pytest.MonkeyPatch, **settings: str) -> str:
    with pytest.raises(Failure) as failure:
        given(monkeypatch, **settings)
    said = str(failure.value)
    assert "\n" not in said
    assert "hunter2" not in said
    return said


def test_a_folder_is_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    where = given(monkeypatch)
    assert where.where("ACME", "x/y.csv") == str(tmp_path / "out/s3/ACME/x/y.csv")


@pytest.mark.parametrize(
    ("url", "at"),
    [
        pytest.param("file:/data/s3", "/data/s3/ACME/k.csv", id="a-folder"),
        pytest.param("file:///data/s3", "/data/s3/ACME/k.csv", id="a-file-url"),
        pytest.param("file:///data/my%20s3", "/data/my s3/ACME/k.csv", id="an-escaped-url"),
        pytest.param("file:/data/s3/", "/data/s3/ACME/k.csv", id="a-slash-at-its-end"),
        pytest.param("file:/data/{client}/in", "/data/ACME/in/k.csv", id="the-client-inside"),
        pytest.param("s3://{client}", "s3://acme/k.csv", id="a-bucket-each"),
        pytest.param("s3://eu-{client}-files", "s3://eu-acme-files/k.csv", id="named-otherwise"),
        pytest.param("s3://files", "s3://files/ACME/k.csv", id="a-prefix-each"),
        pytest.param("s3://files/day/", "s3://files/day/ACME/k.csv", id="under-a-prefix"),
        pytest.param("s3://files/{client}/in", "s3://files/ACME/in/k.csv", id="in-the-middle"),
    ],
)
def test_where_a_file_is(monkeypatch: pytest.MonkeyPatch, url: str, at: str) -> None:
    assert given(monkeypatch, url=url).where("ACME", "k.csv") == at


def test_every_setting_reaches_the_client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "authority.pem").write_bytes(b"a certificate")
    where = given(
        monkeypatch,
        url="s3://{client}",
        endpoint="https://s3.example:9000",
        region="eu-central-1",
        path_style="false",
        cafile="authority.pem",
        access_key_id="me",
        secret_access_key="hunter2",  # noqa: S106 - no secret of anybody
        session_token="hunter2",  # noqa: S106 - as above
        encryption="aws:kms",
        kms_key="alias/clients",
        create="look-first",
        timeout_seconds="5",
    )
    assert where.config == {
        "endpoint": "https://s3.example:9000",
        "region": "eu-central-1",
        "access_key_id": "me",
        "secret_access_key": "hunter2",
        "session_token": "hunter2",
        "server_side_encryption": "aws:kms",
        "sse_kms_key_id": "alias/clients",
        "virtual_hosted_style_request": True,
    }
    assert where.client_options == {
        "timeout": timedelta(seconds=5),
        "root_certificate": b"a certificate",
    }
    assert not where.conditional
    assert "hunter2" not in repr(where)


def test_bucket_names_are_in_the_path_where_an_endpoint_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert given(monkeypatch, url="s3://b-1").config["virtual_hosted_style_request"] is True
    elsewhere = given(monkeypatch, endpoint="https://s3.example")
    assert elsewhere.config["virtual_hosted_style_request"] is False


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("out/s3", id="a-bare-folder"),
        pytest.param("file:", id="no-folder"),
        pytest.param("file://host/data", id="a-host"),
        pytest.param("s3://", id="no-bucket"),
        pytest.param("s3://Files", id="capitals"),
        pytest.param("s3://no", id="too-short"),
        pytest.param("s3://me:hunter2@files", id="credentials"),
        pytest.param("https://hunter2@s3.example", id="an-endpoint"),
        pytest.param("s3://{code}", id="another-placeholder"),
    ],
)
def test_a_url_that_is_none(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    assert refused(monkeypatch, url=url).startswith("setting s3_url: neither file:FOLDER nor s3://")


@pytest.mark.parametrize("prefix", ["a b", "a//b", "a?b", "{code}"])
def test_a_prefix_that_is_none(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    assert "prefix" in refused(monkeypatch, url=f"s3://files/{prefix}")


SOMEWHERE = {"url": "s3://files"}


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        pytest.param(
            {"endpoint": "https://s3.example"}, "s3_endpoint goes with", id="a-folder-and-s3"
        ),
        pytest.param(SOMEWHERE | {"endpoint": "s3.example"}, "s3_endpoint", id="no-scheme"),
        pytest.param(
            SOMEWHERE | {"endpoint": "https://me:hunter2@s3.example"},
            "s3_endpoint",
            id="credentials-in-it",
        ),
        pytest.param(
            SOMEWHERE | {"endpoint": "http://s3.example"}, "s3_allow_http", id="in-the-clear"
        ),
        pytest.param(SOMEWHERE | {"access_key_id": "me"}, "s3_secret_access_key", id="half-a-key"),
        pytest.param(
            SOMEWHERE | {"secret_access_key": "hunter2"}, "s3_access_key_id", id="the-other-half"
        ),
        pytest.param(
            SOMEWHERE | {"session_token": "hunter2"}, "s3_session_token", id="a-token-alone"
        ),
        pytest.param(SOMEWHERE | {"kms_key": "k"}, "s3_encryption", id="a-key-for-nothing"),
        pytest.param(
            SOMEWHERE | {"kms_key": "k", "encryption": "AES256"}, "s3_kms_key", id="another-way"
        ),
        pytest.param(SOMEWHERE | {"encryption": "rot13"}, "s3_encryption", id="no-such-way"),
        pytest.param(SOMEWHERE | {"create": "always"}, "s3_create", id="no-such-create"),
        pytest.param(SOMEWHERE | {"timeout_seconds": "0"}, "s3_timeout_seconds", id="no-time"),
        pytest.param(SOMEWHERE | {"cafile": "none.pem"}, "none.pem: No such file", id="no-file"),
        pytest.param(SOMEWHERE | {"endpiont": "x"}, "SETTLE_S3_ENDPIONT", id="misspelt"),
    ],
)
def test_what_does_not_fit_together_is_one_line(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], names: str
) -> None:
    assert names in refused(monkeypatch, **settings)
