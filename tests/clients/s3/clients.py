"""The clients of S3 that are tried: what runs each, and in which version it is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[3]
PINS = ROOT / "tools" / "clients"
_NUMBER = re.compile(r"\d+(?:\.\d+)+")


class Client(NamedTuple):
    """A client.

    Attributes:
        title: how users name it.
        environment: of `.venv-clients` that holds it; empty for a program of the machine.
        package: of that environment, or the program.
        ask: what has the program tell its version.
    """

    title: str
    environment: str
    package: str
    ask: str = "--version"

    @property
    def version(self) -> str:
        """The version that is tried."""
        if self.environment:
            pins = (PINS / f"{self.environment}.txt").read_text()
            (version,) = re.findall(rf"^{self.package}==(\S+)$", pins, re.MULTILINE)
            return str(version)
        told = subprocess.run([self.package, self.ask], capture_output=True, text=True, check=True)
        return _NUMBER.findall(told.stdout)[0]


CLIENTS = {
    "awscli": Client("awscli", "aws", "awscli"),
    "awscli-2024": Client("awscli", "aws-2024", "awscli"),
    "boto3": Client("boto3", "aws", "boto3"),
    "boto3-2024": Client("boto3", "aws-2024", "boto3"),
    "minio": Client("MinIO's Python SDK", "aws", "minio"),
    "rclone": Client("rclone", "", "rclone", "version"),
    "restic": Client("restic", "", "restic", "version"),
    "s3cmd": Client("s3cmd", "", "s3cmd"),
    "s3fs-fuse": Client("s3fs (FUSE)", "", "s3fs"),
    "fsspec": Client("fsspec's s3fs", "data", "s3fs"),
    "pyarrow": Client("pyarrow", "data", "pyarrow"),
    "deltalake": Client("deltalake", "data", "deltalake"),
}

FEATURES = {
    "objects": "put, get, head, ranges, delete",
    "listing": "listing in pages",
    "metadata": "metadata",
    "checksums": "checksums",
    "conditional_writes": "conditional writes",
    "multipart_upload": "multipart upload",
    "multipart_download": "download in parts",
    "unknown_length": "upload of unknown length",
    "copy": "copy on the server",
    "bulk_delete": "bulk delete",
    "presigned_urls": "presigned URLs",
    "browser_forms": "browser forms",
    "versions": "versions",
    "tags": "tags",
    "object_lock": "object lock",
    "acls": "access control lists",
    "bucket_policies": "bucket policies",
    "cors_rules": "CORS rules",
    "lifecycle_rules": "lifecycle rules",
    "sync": "sync of a tree",
    "backup": "backup, check, restore, prune",
    "mount": "mount: write, read, append, rename",
    "parquet": "Parquet files and datasets",
    "delta_lake": "Delta Lake, concurrent commits",
}
"""What is tried with some client, and how the table of docs/s3.md calls it."""
