"""The ground floor's settings, and those that flags of `atoll up` set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from atoll.config.setting import setting

MIB = 2**20
GIB = 2**30


def address_complaint(address: str) -> str | None:
    """Return what is wrong with a "host:port" address, or None."""
    host, colon, port = address.rpartition(":")
    if not colon or not host:
        return 'must be "host:port"'
    if not (port.isascii() and port.isdigit() and int(port) < 2**16):
        return "must end in a port number from 0 to 65535"
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        return 'must have an IPv6 address in brackets, such as "[::1]:8080"'
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Where clients reach this node."""

    listen: str = setting(
        "127.0.0.1:8080",
        "Address of the S3 and Swift front doors, as host:port; port 0 takes a free one.",
        check=address_complaint,
    )
    workers: int = setting(
        0, "Worker processes that serve clients; 0 is one per core.", low=0, high=1024
    )
    backlog: int = setting(
        1024, "Connections that may wait on each worker's listening socket.", low=1, high=65535
    )
    tls_certificate: Path | None = setting(
        None, "PEM file with the certificate chain; clients must then speak TLS."
    )
    tls_key: Path | None = setting(None, "PEM file with the certificate's private key.")
    stop_deadline_s: float = setting(
        10.0, "Longest time to finish requests under way when stopping.", low=0, high=3600
    )

    def __post_init__(self) -> None:
        """Check what spans two settings.

        Raises:
            ValueError: only one of certificate and key is set.
        """
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key must be set together")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSettings:
    """The storage devices of this node."""

    count: int | None = setting(
        None,
        "Devices below the data folder; unset keeps those that are there, one in a new folder.",
        low=1,
        high=4096,
    )
    map_size_bytes: int = setting(
        64 * GIB,
        "Greatest size of a new device's index; fixed for good when the device is made.",
        low=16 * MIB,
        high=2**46,
    )
    inline_size_bytes_max: int = setting(
        16384, "Largest payload that is kept in the index itself.", low=0, high=MIB
    )
    reserve_size_bytes: int = setting(
        64 * MIB,
        "Space kept back on each device so that a full one can still delete.",
        low=MIB,
        high=2**40,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementSettings:
    """How many copies there are and where."""

    replicas: float | None = setting(
        None,
        "Copies of each object, at most one per device; unset keeps the ring's, one in a new "
        "folder.",
        low=1,
        high=64,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What is logged and how. Logs go to standard error; `--detach` sends it to DIR/log."""

    level: str = setting(
        "info", "Least level that is logged.", choices=("debug", "info", "warning", "error")
    )
    format: str = setting(
        "auto",
        "Form of a line; auto is text on a terminal, else json.",
        choices=("auto", "json", "text"),
    )
    access: bool = setting(True, "Whether each request is logged.")
    file_size_bytes_max: int = setting(
        64 * MIB,
        "Size at which the log of a detached cloud is moved to DIR/log/atoll.log.1, replacing "
        "the one before.",
        low=MIB,
        high=2**40,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSettings:
    """Prometheus metrics (docs/metrics.md)."""

    enabled: bool = setting(True, "Whether metrics are collected.")
    publish_interval_s: float = setting(
        1.0, "How often a process publishes its counts.", low=0.1, high=60
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorSettings:
    """How the processes of a cloud are watched."""

    restart_delay_s_min: float = setting(
        0.05, "Wait before the first restart of a process that died.", low=0.001, high=60
    )
    restart_delay_s_max: float = setting(
        30.0, "Longest wait; each death in a row doubles it.", low=0.001, high=3600
    )
    stable_s: float = setting(
        10.0, "After this long alive, the next death counts as the first.", low=0.01, high=3600
    )
    ready_deadline_s: float = setting(
        60.0, "A process that is not ready by then is killed and restarted.", low=0.1, high=86400
    )
    silence_s_max: float = setting(
        30.0, "A process that says nothing for so long is killed and restarted.", low=2, high=3600
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSettings:
    """The Python runtime of each process."""

    gil_switch_interval_s: float = setting(
        0.005,
        "How long a thread may keep the interpreter while another waits for it.",
        low=1e-5,
        high=1,
    )
    collect_after_objects: int = setting(
        20_000,
        "How many more objects than before make the collector look for cycles among new ones; "
        "few are made here, and the look costs each request.",
        low=700,
        high=1_000_000,
    )
