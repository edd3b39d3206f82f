"""The worker role: serves clients on the shared port, from the devices of its own node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import trio

from atoll.access_log import AccessLog
from atoll.config import LogSettings, MetricsSettings, ServerSettings
from atoll.data_folder import DataFolder
from atoll.log import Sink, get_logger, logs_json
from atoll.metrics import exposition
from atoll.roles import RoleContext
from storage.auth.static_users import StaticUsers
from storage.data_folder import StorageFolder
from storage.front import Front
from storage.http import Limits, OnResponse, Scope, serve, tls_context
from storage.metrics import METHODS, RECEIVED_BYTES, REQUEST_SECONDS, REQUESTS, SENT_BYTES
from storage.node import open_node
from storage.settings import StorageSettings
from storage.swift.app import SwiftApp
from storage.swift.settings import SwiftSettings

log = get_logger()


async def main(context: RoleContext) -> None:
    """Serve clients until stopped, finishing what is under way.

    Raises:
        RefusedError: what the node holds does not belong together.
    """
    world, config = context.world, context.config
    server = config[ServerSettings]
    object_size_bytes_max = config[StorageSettings].object_size_bytes_max
    limits = replace(
        config[Limits],
        body_bytes_max=min(config[Limits].body_bytes_max, object_size_bytes_max),
        stop_timeout_s=min(config[Limits].stop_timeout_s, server.stop_deadline_s),
    )
    swift_settings = replace(
        config[SwiftSettings],
        object_size_bytes_max=min(
            config[SwiftSettings].object_size_bytes_max, object_size_bytes_max
        ),
    )
    tls = None
    if server.tls_certificate is not None and server.tls_key is not None:
        tls = tls_context(server.tls_certificate, server.tls_key)
    async with open_node(world, context.data, config, context.index) as node:
        secret = bytes.fromhex(node.cluster.token_secret)
        users = StaticUsers.load(StorageFolder(context.data).users, secret, world)
        swift = SwiftApp(node.store, users, swift_settings, world)
        metrics_folder = DataFolder(context.data).metrics
        observer = _Observer(context)
        context.status = observer.status
        async with trio.open_nursery() as nursery:
            nursery.start_soon(observer.access_log.run)
            context.ready()
            await serve(
                Front(swift, lambda: exposition(metrics_folder)),
                context.sockets,
                world=world,
                stopping=context.stopping,
                on_error=_log_error,
                on_response=observer.on_response,
                limits=limits,
                tls=tls,
            )
            nursery.cancel_scope.cancel()


def _log_error(error: Exception, scope: Scope | None) -> None:
    path = "" if scope is None else scope.get("path", "")
    log.error("request failed", error, path=path)


class _Observer:
    """Counts and logs what is answered."""

    def __init__(self, context: RoleContext) -> None:
        self._requests = context.metrics.counter(REQUESTS)
        self._seconds = context.metrics.histogram(REQUEST_SECONDS)
        self._received = context.metrics.counter(RECEIVED_BYTES)
        self._sent = context.metrics.counter(SENT_BYTES)
        self._is_counting = context.config[MetricsSettings].enabled
        self._is_logging = context.config[LogSettings].access
        self._answered = 0
        self.access_log = AccessLog(Sink(), context.world.clock, context.name, as_json=logs_json())

    @property
    def on_response(self) -> OnResponse:
        """What the server calls after each response."""
        return self._observe

    def status(self) -> Mapping[str, object]:
        """Return counts for `atoll status`."""
        return {
            "requests": self._answered,
            "received_bytes": self._received[()],
            "sent_bytes": self._sent[()],
        }

    def _observe(
        self, scope: Scope, status: int, sent: int, received: int, duration_s: float
    ) -> None:
        self._answered += 1
        method = scope["method"]
        if self._is_counting:
            known = method if method in METHODS else "other"
            self._requests[known, _STATUS_TEXT.get(status) or str(status)] += 1
            self._seconds.observe(duration_s, known)
            self._received[()] += received
            self._sent[()] += sent
        if self._is_logging:
            client = scope.get("client")
            query = scope["query_string"]
            target = scope["raw_path"] + b"?" + query if query else scope["raw_path"]
            facts = scope.get("atoll", {})
            self.access_log.record(
                method=method,
                target=target.decode("latin-1"),
                status=status,
                received_bytes=received,
                sent_bytes=sent,
                duration_s=duration_s,
                request_id=facts.get("request_id", ""),
                client="" if client is None else client[0],
                user=facts.get("user", ""),
            )


_STATUS_TEXT = {status: str(status) for status in range(100, 600)}
