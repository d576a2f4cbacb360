"""`settle worker` before it works: the port of its pages."""

import socket

import pytest
from typer.testing import CliRunner

from scripts.errors import Failure
from scripts.settle import app
from scripts.worker import _port


def test_a_port_that_is_taken_is_one_clear_line() -> None:
    """Faust ends without a word then."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(Failure) as failure:
            _port("127.0.0.1", number)
    assert str(failure.value) == (
        f"the pages /health and /status at 127.0.0.1:{number}: Address already in use;"
        " choose another --web-port (0: any free one)"
    )


def test_a_free_port_is_taken_as_it_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        number: int = other.getsockname()[1]
    assert _port("127.0.0.1", number) == number


def test_zero_is_any_free_port() -> None:
    assert _port("127.0.0.1", 0) > 0


def test_an_address_that_is_not_ours_is_one_clear_line() -> None:
    with pytest.raises(Failure, match=r"192\.0\.2\.1:6066: Cannot assign requested address"):
        _port("192.0.2.1", 6066)


@pytest.mark.parametrize("port", ["-1", "65536", "web"])
def test_what_is_no_port_is_wrong_usage(port: str) -> None:
    assert CliRunner().invoke(app, ["worker", "--web-port", port]).exit_code == 2
