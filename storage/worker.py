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
from storage.auth.access_keys import AccessKeys
from storage.auth.static_users import StaticUsers
from storage.auth.users_file import read_users_file
from storage.data_folder import StorageFolder
from storage.front import Front
from storage.http import Limits, Scope, serve, tls_context
from storage.metrics import (
    METHODS,
    OTHER_METHOD,
    RECEIVED_BYTES,
    REQUEST_SECONDS,
    REQUESTS,
    SENT_BYTES,
)
from storage.node import open_node
from storage.path import PathHasher
from storage.proxy.multipart import Multipart
from storage.s3.access_logs.gatherer import Gatherer
from storage.s3.app import S3App
from storage.s3.configuration import Configurations
from storage.s3.encryption.keyring import open_keyring
from storage.s3.iam.app import IamApp
from storage.s3.iam.principals import Principals
from storage.s3.iam.store import DirectoryStore
from storage.s3.settings import S3Settings
from storage.s3.veto import Veto
from storage.settings import StorageSettings
from storage.swift.app import SwiftApp
from storage.swift.local_view import LocalView
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
    s3_settings = replace(
        config[S3Settings],
        object_size_bytes_max=min(config[S3Settings].object_size_bytes_max, object_size_bytes_max),
    )
    tls = None
    if server.tls_certificate is not None and server.tls_key is not None:
        tls = tls_context(server.tls_certificate, server.tls_key)
    async with open_node(world, context.data, config, context.index) as node:
        secret = bytes.fromhex(node.cluster.token_secret)
        users = read_users_file(StorageFolder(context.data).users, world)
        authenticator = StaticUsers(users, secret, world.clock)
        veto = Veto(Configurations(node.store))
        hasher = PathHasher(bytes.fromhex(node.cluster.hash_salt))
        view = LocalView(world, StorageFolder(context.data), hasher)
        swift = SwiftApp(node.store, authenticator, swift_settings, world, veto, view)
        keys = AccessKeys(node.store, users, secret, world)
        directories = DirectoryStore(node.store)
        principals = Principals(keys, users, directories, secret, world)
        iam = IamApp(principals, directories, users, s3_settings, world)
        multipart = Multipart(world, node.clock, node.store)
        keyring = open_keyring(secret, s3_settings.kms_key_file, world)
        node.store.unseal = keyring.unseal
        s3 = S3App(
            node.store, multipart, principals, s3_settings, world, principals, keyring=keyring
        )
        bucket_of_host = s3.addressing.bucket_of_host
        metrics_folder = DataFolder(context.data).metrics
        front = Front(
            swift, s3, bucket_of_host, lambda: exposition(metrics_folder), swift.claims, iam
        )
        access_logs = Gatherer(world, node.store, s3_settings.region)
        observer = _Observer(context, access_logs)
        context.status = observer.status
        async with trio.open_nursery() as nursery:
            nursery.start_soon(observer.access_log.run)
            nursery.start_soon(access_logs.run, s3_settings.access_log_interval_s)
            context.ready()
            await serve(
                front,
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
    """Counts and logs what is answered; counts in plain integers, for every request pays for it."""

    def __init__(self, context: RoleContext, access_logs: Gatherer) -> None:
        self._access_logs = access_logs
        self._requests = context.metrics.counter(REQUESTS)
        self._seconds = context.metrics.histogram(REQUEST_SECONDS)
        self._received = context.metrics.counter(RECEIVED_BYTES)
        self._sent = context.metrics.counter(SENT_BYTES)
        self._is_counting = context.config[MetricsSettings].enabled
        self._is_logging = context.config[LogSettings].access
        self._answered: dict[tuple[str, int], int] = {}
        self._received_bytes = 0
        self._sent_bytes = 0
        self.access_log = AccessLog(Sink(), context.world.clock, context.name, as_json=logs_json())

    def status(self) -> Mapping[str, object]:
        """Hand the counts to the metrics and return them for `atoll status`; once a second."""
        if self._is_counting:
            for (method, status), count in self._answered.items():
                self._requests[method, str(status)] = count
            self._received[()] = self._received_bytes
            self._sent[()] = self._sent_bytes
        return {
            "requests": sum(self._answered.values()),
            "received_bytes": self._received_bytes,
            "sent_bytes": self._sent_bytes,
        }

    def on_response(
        self, scope: Scope, status: int, sent: int, received: int, duration_s: float
    ) -> None:
        """Take note of a response; see `storage.http.OnResponse`."""
        method = scope["method"]
        kind = (method if method in METHODS else OTHER_METHOD), status
        self._answered[kind] = self._answered.get(kind, 0) + 1
        self._received_bytes += received
        self._sent_bytes += sent
        if self._is_counting:
            self._seconds.observe(duration_s, kind[0])
        request = scope["atoll"].pop("s3", None) if "atoll" in scope else None
        if request is not None:  # taken out, since it refers to the scope in turn
            self._access_logs.record(request, status, sent, duration_s)
        if self._is_logging:
            client = scope.get("client")
            query = scope["query_string"]
            target = scope["raw_path"] + b"?" + query if query else scope["raw_path"]
            facts = scope.get("atoll", _NO_FACTS)
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


_NO_FACTS: dict[str, str] = {}
