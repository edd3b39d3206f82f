"""One connection from its first byte to its last: exchange after exchange, then a proper end."""

from __future__ import annotations

from typing import Any

import trio

from storage.http.asgi import Scope
from storage.http.errors import ClientDisconnectedError, ProtocolError
from storage.http.exchange import Ending, Exchange
from storage.http.head import Request
from storage.http.service import Service
from storage.http.transport import Transport
from storage.http.wire import Wire

_ASGI_VERSION = {"version": "3.0", "spec_version": "2.4"}


class Connection:
    """Serves one client."""

    def __init__(
        self,
        service: Service,
        transport: Transport,
        *,
        client: tuple[str, int] | None,
        server: tuple[str, int | None] | None,
        scheme: str,
    ) -> None:
        self._service = service
        self._transport = transport
        self._wire = Wire(transport, service.limits)
        self._exchange: Exchange | None = None
        self._scope_base: dict[str, Any] = {
            "type": "http",
            "asgi": _ASGI_VERSION,
            "scheme": scheme,
            "root_path": "",
            "client": client,
            "server": server,
        }

    async def run(self) -> None:
        """Serve until the connection has ended; it is closed then.

        On cancel: the response under way is cut off and the connection reset.
        """
        service = self._service
        service.connections.add(self)
        service.sweeper.add(self._wire)
        ending = Ending.ABORT
        try:
            with self._wire.scope:
                ending = await self._serve()
            with trio.move_on_after(service.limits.linger_timeout_s):
                if self._wire.scope.cancelled_caught:
                    ending = await self._time_out()
                if ending is Ending.LINGER:
                    await self._wire.linger()
                if ending is not Ending.ABORT:
                    await self._transport.aclose()
        except ClientDisconnectedError:
            pass
        except Exception as error:
            service.on_error(error, None)
        finally:
            self._transport.abort()
            service.sweeper.discard(self._wire)
            service.connections.discard(self)
            self._end_exchange()

    def stop_if_idle(self) -> None:
        """End a connection that has no request under way; others end after theirs."""
        self._wire.stop_if_idle()

    async def _serve(self) -> Ending:
        while not self._service.stopping:
            try:
                request = await self._wire.next_request()
            except ProtocolError as fault:
                return await self._refuse(fault)
            if request is None:
                break
            exchange = self._exchange = self._begin_exchange(request)
            ending = await exchange.run()
            if ending is not Ending.KEEP:
                return ending
            self._end_exchange()
        return Ending.LINGER if self._wire.parser.buffered_bytes else Ending.CLOSE

    async def _time_out(self) -> Ending:
        if self._exchange is None and not self._wire.parser.buffered_bytes:
            return Ending.CLOSE
        return await self._refuse(ProtocolError(408, "the client was too slow"))

    async def _refuse(self, fault: ProtocolError) -> Ending:
        """Answer for the request under way, be it only the beginning of one."""
        if self._exchange is None:
            self._exchange = self._begin_exchange(Request())
        return await self._exchange.refuse(fault)

    def _begin_exchange(self, request: Request) -> Exchange:
        scope: Scope = {
            **self._scope_base,
            "http_version": request.http_version,
            "method": request.method,
            "path": request.path,
            "raw_path": request.raw_path,
            "query_string": request.query_string,
            "headers": request.headers,
        }
        if self._service.state is not None:
            scope["state"] = self._service.state.copy()
        return Exchange(self._service, self._wire, request, scope)

    def _end_exchange(self) -> None:
        if self._exchange is not None:
            self._exchange.report()
            self._exchange = None
