"""Runs clients as their users would: a command, the credentials that a cloud wrote, own files."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

from clients import CLIENTS, ROOT
from running_cloud import RunningCloud

ENVIRONMENTS = ROOT / ".venv-clients"
PROGRAMS = Path(__file__).with_name("programs")
PATIENCE_S = 120.0
MIB = 2**20
TREE = {
    "plain.txt": 1000,
    "empty": 0,
    "folder/with space": 70_000,
    "folder/ünïcödé ☃": 10,
    "folder/deeper/a+b&c=d;e?f#g": 4096,
    "folder/deeper/100%": 5,
    "large": 12 * MIB + 1,
}
"""Files and their sizes: names that need care, and one that goes up in parts."""


def random_bytes(size: int, seed: int = 0) -> bytes:
    """Return bytes that do not compress, the same for a seed."""
    return random.Random(seed).randbytes(size)


def make_tree(root: Path) -> None:
    """Write `TREE` below a new folder."""
    for number, (name, size) in enumerate(TREE.items()):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random_bytes(size, number))


def contents(root: Path) -> dict[str, bytes]:
    """Return what the files of a tree hold."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


class Bench:
    """Where a client works.

    Attributes:
        folder: an empty one, in which commands run.
        variables: of the environment; tests may add to them.
    """

    def __init__(self, cloud: RunningCloud, folder: Path) -> None:
        self.folder = folder
        self.variables = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(folder),  # nobody's own configuration
            **cloud.credentials(),
        }

    @property
    def endpoint(self) -> str:
        """The cloud's URL."""
        return self.variables["AWS_ENDPOINT_URL"]

    @property
    def address(self) -> str:
        """The cloud's host and port."""
        return self.endpoint.removeprefix("http://")

    def run(self, *command: str | Path, fails: bool = False) -> str:
        """Run a command to its end; return what it printed.

        Args:
            command: program and arguments.
            fails: the exit code must tell of a failure.
        """
        done = subprocess.run(
            command,
            env=self.variables,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        printed = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, f"{command}: {printed[-4000:]}"
        return printed if fails else done.stdout

    def installed(self, client: str, program: str) -> Path:
        """Return the path of a program in a client's environment."""
        return ENVIRONMENTS / CLIENTS[client].environment / "bin" / program

    def run_program(self, client: str, name: str, feature: str, bucket: str) -> None:
        """Run a feature's function of one of `programs`, with the Python that has the client."""
        self.run(self.installed(client, "python"), PROGRAMS / name, feature, bucket)
