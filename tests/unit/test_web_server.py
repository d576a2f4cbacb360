"""An HTTP server that no client can hold up, over real sockets."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from agents.web_server import BoundedRunner

# A request has to be whole within this time here.
SECONDS = 0.2
# What a test waits for at most; nothing is measured.
PATIENCE_SECONDS = 60.0
HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bytes]]


async def _slow(_request: web.Request) -> web.Response:
    await asyncio.sleep(5 * SECONDS)
    return web.Response(text="at last")


async def _echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


async def _large(_request: web.Request) -> web.Response:
    return web.Response(body=b"x" * 50_000_000)


async def _broken(_request: web.Request) -> web.Response:
    raise RuntimeError("a defect\nof ours")


def talk(what: Talk) -> bytes:
    """Serve, let a client do `what`, and return what it received."""

    async def both() -> bytes:
        application = web.Application()
        application.add_routes(
            [
                web.get("/", _echo),
                web.post("/", _echo),
                web.get("/slow", _slow),
                web.get("/large", _large),
                web.get("/broken", _broken),
            ]
        )
        runner = BoundedRunner(application, request_seconds=SECONDS)
        await runner.setup()
        listening = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(runner, listening).start()
        try:
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    return await what(reader, writer)
            finally:
                writer.close()
        finally:
            await runner.cleanup()

    return asyncio.run(both())


async def _read_to_the_end(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET / HT", id="half-a-line"),
        pytest.param(HEAD, id="headers-without-an-end"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345", id="half-a-body"
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12",
            id="half-a-chunk",
        ),
    ],
)
def test_a_request_that_stays_unfinished_is_closed(part: bytes) -> None:
    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(part)
        return await _read_to_the_end(reader)

    assert talk(send) == b""


def test_a_request_that_comes_in_drops_is_closed() -> None:
    """Slowloris: one more header before each time-out of a single read."""

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(HEAD)
        read = asyncio.create_task(_read_to_the_end(reader))
        while not read.done():
            writer.write(b"X-More: 1\r\n")
            await asyncio.sleep(SECONDS / 4)
        return await read

    assert talk(send) == b""


def test_an_answer_that_nobody_reads_is_given_up() -> None:
    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's has it
        await asyncio.sleep(5 * SECONDS)
        writer.transport.resume_reading()  # type: ignore[attr-defined]  # as above
        return await _read_to_the_end(reader)

    assert len(talk(send)) < 50_000_000


def test_a_handler_may_take_longer() -> None:
    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return await _read_to_the_end(reader)

    assert talk(send).endswith(b"\r\n\r\nat last")


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(HEAD + b"X: " + b"x" * 100_000 + b"\r\n\r\n", id="a-header-of-100-kB"),
        pytest.param(
            HEAD + b"".join(b"X-%d: 1\r\n" % n for n in range(10_000)) + b"\r\n", id="10000-headers"
        ),
        pytest.param(b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n", id="a-path-of-100-kB"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", id="TLS"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nX\x00Y: \x1b[31m\r\n\r\n", id="control"),
    ],
)
def test_a_request_that_is_none_is_refused_without_a_traceback(
    request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(request_)
        return await _read_to_the_end(reader)

    assert talk(send)[:12] in {b"HTTP/1.1 400", b"HTTP/1.0 400", b""}
    assert caplog.text == ""


def test_a_defect_of_ours_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"GET /broken HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return await _read_to_the_end(reader)

    logging.getLogger("settle.web").setLevel(logging.WARNING)
    assert b" 500 " in talk(send)
    assert len(caplog.text.splitlines()) == 1
    assert r"RuntimeError('a defect\nof ours')" in caplog.text
