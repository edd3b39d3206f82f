"""What an operator's tools are told of a node: where things lie, and how its devices are.

Paths and documents are those of OpenStack Swift's `list_endpoints` and `recon` middleware, so that
`swift-recon` and schedulers that follow the data get their answers. What this node does not keep
book of is null, as it is there before the first pass of a daemon.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from typing import NamedTuple, Protocol
from urllib.parse import quote

from storage.http.asgi import Scope
from storage.proxy.engine import Engine
from storage.swift.request import Request
from storage.swift.response import PLAIN, Response, SwiftError, method_not_allowed
from storage.swift.settings import SwiftSettings
from storage.swift.target import decode_path

ENDPOINTS_PATH = b"/endpoints/"
RECON_PATH = b"/recon/"
_JSON = (b"Content-Type", b"application/json")
_VERSIONS = {"v1": 1, "v1.0": 1, "v2": 2, "v2.0": 2}
_KINDS = ("account", "container", "object")


class Endpoint(NamedTuple):
    """A device that holds something.

    Attributes:
        node: address of the machine.
        port: of the node.
        device: name.
    """

    node: str
    port: int
    device: str


class NodeView(Protocol):
    """What can be told of a node."""

    def locate(self, policy: int, *names: str) -> tuple[int, list[Endpoint]]:
        """Return partition and devices of an account, a container or an object, by its names."""

    def recon(self, check: str) -> object | None:
        """Return the document of a check that is about the node as a whole; nothing for another."""


class OperatorView:
    """Answers an operator's tools, and nobody else.

    Args:
        engine: of the store; knows policies of containers.
        view: of the node.
        settings: from which networks tools ask.
    """

    def __init__(self, engine: Engine, view: NodeView, settings: SwiftSettings) -> None:
        self._engine = engine
        self._view = view
        self._networks = [ip_network(one) for one in settings.operator_networks]

    def serves(self, scope: Scope) -> bool:
        """Tell whether a request's path is an operator's, and so is who asks for it."""
        client = scope.get("client")
        if client is None or not scope["raw_path"].startswith((ENDPOINTS_PATH, RECON_PATH)):
            return False
        try:
            address = ip_address(client[0])
        except ValueError:
            return False
        return any(address in network for network in self._networks)

    async def handle(self, request: Request) -> Response:
        """Answer a request that is served here.

        Raises:
            SwiftError: 400 or 405.
        """
        if request.path.startswith(RECON_PATH):
            return self._recon(request)
        if request.method != "GET":
            raise method_not_allowed(("GET",))
        return await self._endpoints(decode_path(request.path)[len(ENDPOINTS_PATH) :])

    def _recon(self, request: Request) -> Response:
        check = decode_path(request.path)[len(RECON_PATH) :]
        found = _UNKNOWN[check]() if check in _UNKNOWN else self._view.recon(check)
        if found is None:
            return Response(404, [PLAIN], f"Invalid path: /recon/{check}".encode())
        return Response(200, [_JSON], json.dumps(found).encode())

    async def _endpoints(self, path: str) -> Response:
        first, _, rest = path.partition("/")
        version = _VERSIONS.get(first, 1)
        if first not in _VERSIONS:
            if first.startswith("v") and "_" not in first:
                raise SwiftError(400, f"Unsupported version {first!r}", content_type=PLAIN)
            rest = path
        names = rest.split("/", 2)
        if not names[0]:
            raise SwiftError(400, "No account specified")
        names = [name for name in names if name]
        policy = 0
        if len(names) == len(_KINDS):
            container = await self._engine.container(names[0], names[1])
            policy = container.policy if container is not None else 0
        partition, devices = self._view.locate(policy, *names)
        urls = [
            f"http://{node}:{port}/{device}/{partition}/{quote('/'.join(names))}"
            for node, port, device in devices
        ]
        if version == 1:
            return Response(200, [_JSON], json.dumps(urls).encode())
        is_object = len(names) == len(_KINDS)
        headers = {"X-Backend-Storage-Policy-Index": str(policy)} if is_object else {}
        return Response(200, [_JSON], json.dumps({"endpoints": urls, "headers": headers}).encode())


def _nulls(*names: str) -> Callable[[], dict[str, object]]:
    return lambda: dict.fromkeys(names)


def _replication(*more: str) -> Callable[[], dict[str, object]]:
    return _nulls("replication_time", "replication_stats", "replication_last", *more)


_OBJECT_REPLICATION = _replication("object_replication_time", "object_replication_last")
_UNKNOWN: Mapping[str, Callable[[], dict[str, object]]] = {
    "replication": _OBJECT_REPLICATION,
    "replication/object": _OBJECT_REPLICATION,
    "replication/account": _replication(),
    "replication/container": _replication(),
    "reconstruction/object": _nulls("object_reconstruction_last", "object_reconstruction_time"),
    "updater/container": _nulls("container_updater_sweep"),
    "updater/object": _nulls("object_updater_sweep", "object_updater_stats", "object_updater_last"),
    "auditor/object": _nulls("object_auditor_stats_ALL", "object_auditor_stats_ZBF"),
    **{
        f"auditor/{kind}": _nulls(
            f"{kind}_audits_passed",
            f"{kind}_auditor_pass_completed",
            f"{kind}_audits_since",
            f"{kind}_audits_failed",
        )
        for kind in _KINDS[:2]
    },
    "expirer/object": _nulls("object_expiration_pass", "expired_last_pass"),
    "driveaudit": _nulls("drive_audit_errors"),
    "sharding": _nulls("sharding_stats", "sharding_time", "sharding_last"),
    "relinker": _nulls("devices", "workers"),
    "async": _nulls("async_pending", "async_pending_last"),
}
"""What Swift's daemons keep book of and nothing does here, by its path below `/recon/`."""
