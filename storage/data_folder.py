"""Where the store keeps its things below a node's data folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StorageFolder:
    """The store's part of a data folder.

    Attributes:
        root: the data folder.
    """

    root: Path

    @property
    def rings(self) -> Path:
        """The ring files."""
        return self.root / "rings"

    @property
    def devices(self) -> Path:
        """The devices' folders."""
        return self.root / "devices"

    @property
    def users(self) -> Path:
        """The static users."""
        return self.root / "users.toml"

    @property
    def credentials(self) -> Path:
        """Shell variables for clients."""
        return self.root / "credentials.env"

    def device(self, number: int) -> Path:
        """Return the folder of a device."""
        return self.devices / f"d{number}"

    def disk_socket(self, number: int) -> Path:
        """Return where the disk process of a device listens."""
        return self.root / "run" / f"disk-{number}.sock"
