"""Faust's web server for /health and /status, on a socket of ours."""

import socket
from collections.abc import MutableMapping
from typing import Any

import faust
import orjson
from aiohttp import web
from faust.web.drivers import aiohttp as driver
from typing_extensions import override

from agents.web_server import BoundedRunner
from schemas.printable import printable


class Pages(driver.Web):
    """Faust's web server, on a socket that listens already."""

    def __init__(self, app: faust.App, listening: socket.socket) -> None:
        """Take the app whose pages these are, and the socket."""
        super().__init__(app)
        self._runner = BoundedRunner(self.web_app)
        self._listening = listening

    @override
    def json(
        self,
        value: Any,
        *,
        content_type: str | None = None,
        status: int = 200,
        reason: str | None = None,
        headers: MutableMapping[str, str] | None = None,
    ) -> Any:
        """Return a JSON response that is safe to print: people read it with curl."""
        return self.text(
            printable(orjson.dumps(value).decode()),
            content_type=content_type or "application/json",
            status=status,
            reason=reason,
            headers=headers,
        )

    @override
    def _create_site(self) -> web.SockSite:
        return web.SockSite(self._runner, self._listening)
