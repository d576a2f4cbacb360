"""What can happen between us and S3, made to happen: a proxy in front of the real server.

It passes requests on as they are, so that their signatures hold; `fault` says what to do with each.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Literal, NamedTuple, Self

from typing_extensions import override

# unavailable: 503 instead of asking the server. cut_before: the request never gets there.
# cut_after: the server has done it, and its answer is lost. damaged: a byte of the file is changed.
# stranger: the request is signed with another secret.
Kind = Literal["unavailable", "cut_before", "cut_after", "damaged", "stranger"]


@dataclass(frozen=True, slots=True)
class Slow:
    """The server has done it at once; its answer comes after so long."""

    seconds: float


Fault = Kind | Slow | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and the status of its answer; None: there was none."""

    method: str
    path: str
    headers: dict[str, str]
    status: int | None


class Answer(NamedTuple):
    """What the server answered."""

    status: int
    headers: list[tuple[str, str]]
    content: bytes


class FaultProxy:
    """A context. `fault` is asked for each request, by its method and path."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.fault: Callable[[str, str], Fault] = lambda _method, _path: None
        self.asked: list[Asked] = []
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def ask(
        self, method: str, path: str, headers: list[tuple[str, str]], body: bytes
    ) -> Answer | None:
        """Ask the server; None: it is not there, or hangs up."""
        connection = HTTPConnection("127.0.0.1", self._to, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())
        except OSError:
            return None
        finally:
            connection.close()

    def puts(self, name: str = "") -> list[int | None]:
        """Return what was answered to the puts of what has this in its path."""
        return [a.status for a in self.asked if a.method == "PUT" and name in a.path]


class _Handler(BaseHTTPRequestHandler):
    proxy: ClassVar[FaultProxy]
    protocol_version = "HTTP/1.1"

    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self._pass_on
        raise AttributeError(name)

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.proxy.fault(self.command, self.path)
        answer: Answer | None = None
        if fault == "unavailable":
            answer = Answer(503, [], b"")
        elif fault != "cut_before":
            if fault == "damaged" and body:
                body = bytes([body[0] ^ 1]) + body[1:]
            headers = list(self.headers.items())
            if fault == "stranger":
                headers = [
                    (name, value[:-4] + "0000" if name.lower() == "authorization" else value)
                    for name, value in headers
                ]
            answer = self.proxy.ask(self.command, self.path, headers, body)
            if fault == "cut_after":
                answer = None
        # Before who asked can go on.
        asked = {name.lower(): value for name, value in self.headers.items()}
        status = None if answer is None else answer.status
        self.proxy.asked.append(Asked(self.command, self.path, asked, status))
        if isinstance(fault, Slow):
            time.sleep(fault.seconds)
        if answer is None:
            self.close_connection = True
            return
        try:
            self._answer(answer)
        except OSError:  # nobody waits for it any more
            self.close_connection = True

    def _answer(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            if name.lower() not in {"transfer-encoding", "connection"}:
                self.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in answer.headers):
            self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)
