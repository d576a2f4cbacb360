"""The HTTP server of a worker and of the simulated clearing firm; no client can hold it up."""

import asyncio
import contextlib
import logging

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler
from aiohttp.web_protocol import RequestHandler
from typing_extensions import override

# A request has to arrive within this time, headers and body, or its connection is closed; at most
# twice as long passes until that is done. A probe over a slow line takes well under a second.
REQUEST_SECONDS = 10.0

_log = logging.getLogger("settle.web")


class _OneLine(logging.Filter):
    """Drops complaints about a client's malformed requests; reports our own defects in one line."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            return False
        if error is not None and not _log.isEnabledFor(logging.INFO):
            record.msg, record.args = "%s: %r", (record.getMessage(), error)
            record.exc_info = None
        return True


_log.addFilter(_OneLine())


class BoundedRunner(web.AppRunner):
    """Serves an application, and closes each connection on which no whole request arrives in time.

    aiohttp itself waits for ever for the rest of a request. A request that is whole may take its
    handler as long as it likes.
    """

    def __init__(
        self,
        application: web.Application,
        *,
        request_seconds: float = REQUEST_SECONDS,
        shutdown_timeout: float = 60.0,
    ) -> None:
        """Take an application that has not been started."""
        super().__init__(
            application, access_log=None, logger=_log, shutdown_timeout=shutdown_timeout
        )
        self._request_seconds = request_seconds
        # Connections whose request is with its handler, and those that were since the last sweep.
        self._handled: set[RequestHandler] = set()
        self._answered: set[RequestHandler] = set()
        self._sweeper: asyncio.Task[None] | None = None
        application.middlewares.append(self._handle_whole)

    @override
    async def setup(self) -> None:
        await super().setup()
        self._sweeper = asyncio.create_task(self._sweep())

    @override
    async def cleanup(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper
        await super().cleanup()

    @web.middleware
    async def _handle_whole(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        await request.read()
        connection = request.protocol
        self._handled.add(connection)
        try:
            return await handler(request)
        finally:
            self._handled.discard(connection)
            self._answered.add(connection)

    async def _sweep(self) -> None:
        silent: set[RequestHandler] = set()
        while True:
            await asyncio.sleep(self._request_seconds)
            connections = self.server.connections if self.server is not None else []
            still = {
                connection
                for connection in connections
                if connection not in self._handled and connection not in self._answered
            }
            for connection in connections:
                # Not close(), which would wait until the client has read what is on its way.
                if connection in silent & still and connection.transport is not None:
                    connection.transport.abort()
            silent = still
            self._answered.clear()
