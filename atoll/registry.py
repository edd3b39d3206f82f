"""What the layers above contribute, named by dotted path and imported only when used.

The ground floor imports no layer. A new role, command, section of the configuration or table of
metrics is one line here. Every path is "package.module:attribute".
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol, cast

ROLES: Mapping[str, str] = MappingProxyType(
    {
        "disk": "storage.device.process:main",
        "keeper": "storage.keeper.process:main",
        "worker": "storage.worker:main",
    }
)
"""Role → ``async def main(context: RoleContext) -> None``."""

BOOTSTRAP: Sequence[str] = ("storage.bootstrap:prepare",)
"""Called in this order by `atoll up`: ``def prepare(config, data, world) -> Bootstrap``."""

CONFIG_SECTIONS: Mapping[str, str] = MappingProxyType(
    {
        "server": "atoll.config.settings:ServerSettings",
        "device": "atoll.config.settings:DeviceSettings",
        "placement": "atoll.config.settings:PlacementSettings",
        "log": "atoll.config.settings:LogSettings",
        "metrics": "atoll.config.settings:MetricsSettings",
        "supervisor": "atoll.config.settings:SupervisorSettings",
        "process": "atoll.config.settings:ProcessSettings",
        "storage": "storage.settings:StorageSettings",
        "http": "storage.http.limits:Limits",
        "swift": "storage.swift.settings:SwiftSettings",
        "s3": "storage.s3.settings:S3Settings",
    }
)
"""Section of the configuration file → frozen dataclass (see `atoll.config`)."""

COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "up": ("atoll.commands:up", "Start a cloud and watch over it."),
        "down": ("atoll.commands:down", "Stop the cloud, finishing what is under way."),
        "status": ("atoll.commands:status", "Show the roles of a running cloud."),
        "ring": ("ring.cli:ring_group", "Build and inspect rings."),
        "key": ("storage.auth.cli:key_group", "Make, list and delete access keys for S3."),
        "simulate": (
            "storage.simulation.cli:simulate_command",
            "Run whole nodes from seeds, with faults and a checker.",
        ),
        "version": ("atoll.commands:version", "Show the version."),
    }
)
"""Command of the CLI → (click command, what `atoll --help` says of it)."""

METRIC_TABLES: Sequence[str] = ("atoll.metrics.table:METRICS", "storage.metrics:METRICS")
"""Tables of `atoll.metrics.Metric`, all shown in docs/metrics.md."""


class Registry(Protocol):
    """The shape of this module; tests hand in another module of the same shape."""

    ROLES: Mapping[str, str]
    BOOTSTRAP: Sequence[str]
    CONFIG_SECTIONS: Mapping[str, str]
    METRIC_TABLES: Sequence[str]


REGISTRY_MODULE = __name__


def load_registry(module: str = REGISTRY_MODULE) -> Registry:
    """Return the registry in a module.

    Raises:
        ImportError: there is no such module.
    """
    return cast(Registry, importlib.import_module(module))


def load(path: str) -> Any:
    """Import what a dotted path names.

    Args:
        path: "package.module:attribute".

    Raises:
        ImportError: there is no such module.
        AttributeError: the module has no such attribute.
    """
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)
