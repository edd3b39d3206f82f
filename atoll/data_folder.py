"""Where the ground floor keeps its things below a cloud's data folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The data folder of a cloud.

    Attributes:
        root: the folder itself; `atoll up --data DIR`.
    """

    root: Path

    @property
    def run(self) -> Path:
        """What lives only as long as the processes do."""
        return self.root / "run"

    @property
    def lock(self) -> Path:
        """Held by the supervisor."""
        return self.run / "lock"

    @property
    def role_locks(self) -> Path:
        """A folder of locks, each held by the process of one role instance."""
        return self.run / "roles"

    @property
    def socket(self) -> Path:
        """Where the supervisor answers `atoll status`."""
        return self.run / "supervisor.sock"

    @property
    def metrics(self) -> Path:
        """Prometheus values, a file per process and kind of metric."""
        return self.run / "metrics"

    @property
    def log(self) -> Path:
        """Standard output and error of a detached cloud."""
        return self.root / "log" / "atoll.log"

    @property
    def config_file(self) -> Path:
        """The configuration that is read when `--config` is not given; it may be absent."""
        return self.root / "atoll.toml"
