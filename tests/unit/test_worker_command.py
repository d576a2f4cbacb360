"""`settle worker` before it works: the port of its pages."""

import socket

import pytest
from typer.testing import CliRunner

from scripts.errors import Failure
from scripts.settle import app
from scripts.worker import _listening


def two_ports_in_a_row() -> tuple[socket.socket, int]:
    """Return a socket that listens, and its port, of which the next one is free."""
    while True:
        taken = socket.create_server(("127.0.0.1", 0))
        number: int = taken.getsockname()[1]
        try:
            socket.create_server(("127.0.0.1", number + 1)).close()
        except OSError:
            taken.close()
            continue
        return taken, number


def test_a_port_that_was_asked_for_and_is_taken_is_one_clear_line() -> None:
    """Faust ends without a word then."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(Failure) as failure:
            _listening("127.0.0.1", number, may_move=False)
    assert str(failure.value) == (
        f"the pages /health and /status at 127.0.0.1:{number}: Address already in use;"
        " choose another --web-port (0: any free one)"
    )


def test_a_second_worker_takes_the_next_free_port() -> None:
    taken, number = two_ports_in_a_row()
    with taken, _listening("127.0.0.1", number, may_move=True) as second:
        assert second.getsockname() == ("127.0.0.1", number + 1)
        # It listens already: a third worker that starts at the same time goes on to the next.
        with _listening("127.0.0.1", number, may_move=True) as third:
            assert third.getsockname()[1] > number + 1


def test_when_all_the_ports_are_taken_one_line_says_so() -> None:
    with socket.create_server(("127.0.0.1", 65535)), pytest.raises(Failure) as failure:
        _listening("127.0.0.1", 65535, may_move=True)
    assert str(failure.value) == (
        "the pages /health and /status: all of the ports 65535 to 65535 of 127.0.0.1 are taken;"
        " choose another --web-port (0: any free one)"
    )


@pytest.mark.parametrize("may_move", [True, False])
def test_a_free_port_is_taken_as_it_is(*, may_move: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        number: int = other.getsockname()[1]
    with _listening("127.0.0.1", number, may_move=may_move) as listening:
        assert listening.getsockname() == ("127.0.0.1", number)


def test_zero_is_any_free_port() -> None:
    with _listening("127.0.0.1", 0, may_move=False) as listening:
        assert listening.getsockname()[1] > 0


@pytest.mark.parametrize("may_move", [True, False])
def test_an_address_that_is_not_ours_is_one_clear_line(*, may_move: bool) -> None:
    with pytest.raises(Failure, match=r"192\.0\.2\.1:6066: Cannot assign requested address"):
        _listening("192.0.2.1", 6066, may_move=may_move)


@pytest.mark.parametrize("port", ["-1", "65536", "web"])
def test_what_is_no_port_is_wrong_usage(port: str) -> None:
    assert CliRunner().invoke(app, ["worker", "--web-port", port]).exit_code == 2
