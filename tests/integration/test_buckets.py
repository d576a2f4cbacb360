"""Files into buckets of a real S3 server, through every fault that can come between."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agents.buckets import BucketRefusedError, Buckets
from scripts.buckets import buckets
from scripts.settings import Settings, read_settings
from tests.integration.fault_proxy import FaultProxy, Slow
from tests.integration.s3_server import KEY_ID, SECRET, S3Server

pytestmark = pytest.mark.integration

KEY = "tpj_aging/2026-03-09_0930_aged_tpj.csv"
CONTENT = b"account_id,tpj_id\nACME0001,ACME0001-o-1-1-TPJ\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def bucket(server: S3Server, request: pytest.FixtureRequest) -> Path:
    """A bucket of the test's own."""
    name = request.node.name.replace("_", "-").replace("[", "-").replace("]", "")[:60].rstrip("-")
    return server.bucket(name)


@pytest.fixture
def proxy(server: S3Server) -> Iterator[FaultProxy]:
    with FaultProxy(server.port) as running:
        yield running


@pytest.fixture(params=[False, True], ids=["worker", "command"])
def there(
    proxy: FaultProxy,
    bucket: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Buckets:
    """The bucket, as settings say."""
    for name in [*os.environ]:
        if name.startswith(("SETTLE_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    settings = {
        "URL": f"s3://{bucket.name}",
        "ENDPOINT": proxy.endpoint,
        "ALLOW_HTTP": "true",
        "ACCESS_KEY_ID": KEY_ID,
        "SECRET_ACCESS_KEY": SECRET,
        "TIMEOUT_SECONDS": "2",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"SETTLE_S3_{name}", value)
    return buckets(read_settings(), blocking=request.param)


def put(where: Buckets, content: bytes = CONTENT, client: str = "ACME") -> bool:
    return asyncio.run(where.put(client, KEY, content))


def read(where: Buckets, client: str = "ACME") -> bytes | None:
    return asyncio.run(where.read(client, KEY))


def refused(where: Buckets, content: bytes = CONTENT) -> BucketRefusedError:
    with pytest.raises(BucketRefusedError) as refusal:
        put(where, content)
    assert SECRET not in str(refusal.value)
    assert KEY_ID not in str(refusal.value)
    return refusal.value


def test_a_file_is_created_once(there: Buckets, bucket: Path, proxy: FaultProxy) -> None:
    assert read(there) is None
    assert put(there)
    assert (bucket / "ACME" / KEY).read_bytes() == CONTENT
    assert read(there) == CONTENT
    assert not put(there)  # the same again has no effect
    assert proxy.puts() == [200, 412]
    headers = proxy.asked[1].headers
    assert headers["if-none-match"] == "*"
    assert headers["content-type"] == "text/csv; charset=utf-8"
    assert len(headers["x-amz-meta-sha256"]) == 64


def test_another_content_is_never_replaced(there: Buckets, bucket: Path) -> None:
    for other in (b"something else", CONTENT.replace(b"1", b"2")):  # another length, and the same
        (bucket / "ACME" / KEY).parent.mkdir(parents=True, exist_ok=True)
        (bucket / "ACME" / KEY).write_bytes(other)
        refusal = refused(there)
        assert refusal.reason == "OTHER_CONTENT"
        assert "was not touched" in refusal.detail
        assert (bucket / "ACME" / KEY).read_bytes() == other


def test_the_answer_is_lost_and_the_put_was_done(
    there: Buckets, bucket: Path, proxy: FaultProxy
) -> None:
    proxy.fault = lambda _method, _path: "cut_after"
    assert refused(there).reason == "UNAVAILABLE"
    assert (bucket / "ACME" / KEY).read_bytes() == CONTENT
    proxy.fault = lambda _method, _path: None
    assert not put(there)  # it was ours


@pytest.mark.parametrize(
    ("fault", "detail"),
    [
        pytest.param("unavailable", "503 Service Unavailable", id="503"),
        pytest.param("cut_before", "the connection was cut", id="cut"),
        pytest.param("damaged", "400 Bad Request", id="damaged-on-the-way"),
    ],
)
def test_nothing_is_there_after_a_put_that_failed(
    there: Buckets, bucket: Path, proxy: FaultProxy, fault: str, detail: str
) -> None:
    proxy.fault = lambda _method, _path: fault  # type: ignore[assignment,return-value]  # a name from the table
    refusal = refused(there)
    assert (refusal.reason, refusal.detail.partition(" (")[0]) == ("UNAVAILABLE", detail)
    assert not (bucket / "ACME" / KEY).exists()
    assert len(proxy.asked) == 1  # who asks, asks again
    proxy.fault = lambda _method, _path: None
    assert put(there)


def test_a_slow_server_is_waited_for_and_given_up_in_time(
    there: Buckets, proxy: FaultProxy
) -> None:
    proxy.fault = lambda _method, _path: Slow(0.5)
    assert put(there)
    proxy.fault = lambda _method, _path: Slow(4)
    refusal = refused(there)
    assert (refusal.reason, refusal.detail) == ("UNAVAILABLE", "no answer in time")


def test_wrong_credentials(there: Buckets, bucket: Path) -> None:
    wrong = [{"secret_access_key": "not-it"}, {"access_key_id": "nobody"}]
    for more in wrong:
        stranger = Buckets(there.url, {**there.config, **more}, there.client_options)
        refusal = refused(stranger)
        assert refusal.reason == "NOT_ALLOWED"
        assert refusal.detail.startswith("403 Forbidden")
        with pytest.raises(BucketRefusedError, match="NOT_ALLOWED"):
            read(stranger)
    assert not list(bucket.iterdir())


def test_a_bucket_that_is_not_there(there: Buckets, server: S3Server) -> None:
    lost = Buckets("s3://no-bucket", there.config, there.client_options)
    assert refused(lost).reason == "NO_BUCKET"
    with pytest.raises(BucketRefusedError, match="NO_BUCKET"):
        read(lost)
    assert not (server.folder / "no-bucket").exists()


def test_no_server(there: Buckets) -> None:
    gone = Buckets(
        there.url, {**there.config, "endpoint": "http://127.0.0.1:9"}, there.client_options
    )
    refusal = refused(gone)
    assert (refusal.reason, refusal.detail) == (
        "UNAVAILABLE",
        "no connection (Connection refused)",
    )


@pytest.mark.parametrize(
    ("url", "bucket_name", "prefix"),
    [
        pytest.param("s3://{client}", "acme", "", id="a-bucket-for-each"),
        pytest.param("s3://files-of-{client}/day", "files-of-acme", "day/", id="and-a-prefix"),
        pytest.param("s3://all-clients", "all-clients", "ACME/", id="one-for-all"),
        pytest.param("s3://all-clients/a/b", "all-clients", "a/b/ACME/", id="one-and-a-prefix"),
        pytest.param("s3://all-clients/{client}/x", "all-clients", "ACME/x/", id="in-the-middle"),
    ],
)
def test_where_a_clients_files_are(
    there: Buckets, server: S3Server, url: str, bucket_name: str, prefix: str
) -> None:
    folder = server.bucket(bucket_name)
    (folder / prefix / KEY).unlink(missing_ok=True)
    where = replace(there, url=url)
    assert put(where)
    assert (folder / prefix / KEY).read_bytes() == CONTENT
    assert where.where("ACME", KEY) == f"s3://{bucket_name}/{prefix}{KEY}"


def test_a_server_without_conditional_puts_is_looked_at_first(
    there: Buckets, bucket: Path, proxy: FaultProxy
) -> None:
    plain = Buckets(there.url, there.config, there.client_options, conditional=False)
    assert put(plain)
    assert [(asked.method, asked.status) for asked in proxy.asked] == [("HEAD", 404), ("PUT", 200)]
    assert "if-none-match" not in proxy.asked[1].headers
    assert not put(plain)
    (bucket / "ACME" / KEY).write_bytes(b"another")
    assert refused(plain).reason == "OTHER_CONTENT"
    lost = Buckets("s3://no-bucket", there.config, there.client_options, conditional=False)
    assert refused(lost).reason == "NO_BUCKET"


def test_encryption_is_asked_for(there: Buckets, proxy: FaultProxy) -> None:
    config = {
        **there.config,
        "server_side_encryption": "aws:kms",
        "sse_kms_key_id": "alias/clients",
    }
    # This server can't encrypt, and says so rather than to leave a file in the clear.
    refusal = refused(Buckets(there.url, config, there.client_options))
    assert refusal.detail == "501 Not Implemented (NotImplemented)"
    headers = proxy.asked[0].headers
    assert headers["x-amz-server-side-encryption"] == "aws:kms"
    assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == "alias/clients"


def test_a_file_of_many_parts_is_put_in_one_piece(there: Buckets, proxy: FaultProxy) -> None:
    content = b"0123456789abcdef" * (1 << 20)
    patient = Buckets(there.url, there.config, {**there.client_options, "timeout": "60s"})
    assert put(patient, content)
    assert read(patient) == content
    assert len(proxy.puts()) == 1


def test_settings_are_all_there_is(there: Buckets) -> None:
    assert set(there.config) == {
        "endpoint",
        "access_key_id",
        "secret_access_key",
        "virtual_hosted_style_request",
    }
    assert there.config["virtual_hosted_style_request"] is False
    assert SECRET not in repr(there)
    assert len(Settings.model_fields) > len(there.config)
