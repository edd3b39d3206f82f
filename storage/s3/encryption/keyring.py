"""The master keys of the cluster: its own, and those of the key file.

The key file is TOML. A key has versions by number; the greatest encrypts, all decrypt, so a key
is rotated by adding a version, and old objects stay readable:

    [keys."backups"]
    enabled = true
    [keys."backups".versions]
    1 = "32 bytes in Base64"
    2 = "32 bytes in Base64"

`aws/s3` is the key of those who name none; where the file lacks it, it is made from the cluster's
secret, as the key of SSE-S3 is.
"""

from __future__ import annotations

import tomllib
from base64 import b64decode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from blake3 import blake3

from atoll.errors import OperatorError
from atoll.world import World
from storage.object.record import ObjectRecord
from storage.proxy.engine import Payload
from storage.proxy.errors import SealedError
from storage.s3.encryption.payload import DecryptedPayload
from storage.s3.encryption.seal import Mode, Seal, place_of, seal_of
from storage.s3.encryption.segments import KEY_SIZE_BYTES, SegmentCipher
from storage.s3.errors import S3Error

DEFAULT_KMS_KEY = "aws/s3"
KEY_FILE_SIZE_BYTES_MAX = 16 * 2**20
_CLUSTER_CONTEXT = "atoll 2026 SSE-S3 master key"
_DEFAULT_CONTEXT = "atoll 2026 SSE-KMS default master key"


class KeyFileError(OperatorError):
    """The file of master keys cannot be used; whoever wrote it is at fault.

    Attributes:
        path: of the file.
    """

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        super().__init__(f"{path}: {reason}")


class MasterKey(NamedTuple):
    """A master key.

    Attributes:
        versions: the secrets by number.
        is_enabled: whether it may be used.
    """

    versions: Mapping[int, bytes]
    is_enabled: bool = True

    def __repr__(self) -> str:
        return f"<master key, versions {sorted(self.versions)}>"


class Keyring:
    """The master keys of the cluster.

    Args:
        secret: of the cluster.
        kms: the keys of the key file by id.
    """

    def __init__(self, secret: bytes, kms: Mapping[str, MasterKey] | None = None) -> None:
        self._cluster = blake3(secret, derive_key_context=_CLUSTER_CONTEXT).digest()
        made = blake3(secret, derive_key_context=_DEFAULT_CONTEXT).digest()
        self._kms = {DEFAULT_KMS_KEY: MasterKey({1: made}), **(kms or {})}

    def newest_version(self, kms_key: str) -> int:
        """Return the version of a key that encrypts.

        Raises:
            S3Error: KMS.NotFoundException or KMS.DisabledException.
        """
        return max(self._find(kms_key).versions)

    def master(self, seal: Seal) -> bytes:
        """Return the key that a data key is encrypted under.

        Raises:
            S3Error: KMS.NotFoundException or KMS.DisabledException.
            SealedError: it is the customer's.
        """
        if seal.mode is Mode.CLUSTER:
            return self._cluster
        if seal.mode is Mode.CUSTOMER:
            raise SealedError("the object is encrypted with a key of the customer's")
        found = self._find(seal.kms_key).versions.get(seal.kms_version)
        if found is None:
            raise S3Error("KMS.NotFoundException")
        return found

    def unseal(self, record: ObjectRecord) -> Callable[[Payload], Payload]:
        """Return what decrypts an object; see `storage.proxy.engine.Unseal`.

        Raises:
            SealedError: the key is the customer's, or not there any more.
            PayloadLostError: the data key does not open.
        """
        seal = seal_of(record.system)
        if seal is None:
            raise SealedError(f"{record.name}: how it is encrypted is not known")
        try:
            master = self.master(seal)
        except S3Error as error:
            raise SealedError(f"{record.name}: its master key cannot be used") from error
        return decrypting(record, seal, master)

    def _find(self, kms_key: str) -> MasterKey:
        found = self._kms.get(bare_id(kms_key))
        if found is None:
            raise S3Error("KMS.NotFoundException")
        if not found.is_enabled:
            raise S3Error("KMS.DisabledException")
        return found


def decrypting(record: ObjectRecord, seal: Seal, master: bytes) -> Callable[[Payload], Payload]:
    """Return what decrypts an object, whose master key this is.

    Raises:
        PayloadLostError: the data key does not open.
    """
    cipher = SegmentCipher(seal.unwrap(master, place_of(record)), seal.object_id)
    return lambda stored: DecryptedPayload(stored, record.size_bytes, cipher)


def bare_id(kms_key: str) -> str:
    """Return the id of a key that may be named by an ARN or as an alias."""
    name = kms_key.rpartition(":")[2] if kms_key.startswith("arn:") else kms_key
    return name.removeprefix("key/").removeprefix("alias/")


def open_keyring(secret: bytes, path: Path | None, world: World) -> Keyring:
    """Return the master keys of the cluster.

    Args:
        secret: of the cluster.
        path: of the key file, if there is one.
        world: disk.

    Raises:
        KeyFileError: the file cannot be used.
        DiskError: it cannot be read.
    """
    return Keyring(secret, None if path is None else read_key_file(path, world))


def read_key_file(path: Path, world: World) -> dict[str, MasterKey]:
    """Return the master keys in a file by id.

    Raises:
        KeyFileError: there is none, or it cannot be used.
        DiskError: it cannot be read.
    """
    try:
        file = world.disk.open(path)
    except FileNotFoundError as error:
        raise KeyFileError(path, "there is no such file") from error
    try:
        size_bytes = file.size()
        if size_bytes > KEY_FILE_SIZE_BYTES_MAX:
            raise KeyFileError(path, f"is larger than {KEY_FILE_SIZE_BYTES_MAX} bytes")
        data = bytearray(size_bytes)
        file.read_into(data, 0)
    finally:
        file.close()
    try:
        return parse_keys(tomllib.loads(data.decode()))
    except tomllib.TOMLDecodeError:
        raise KeyFileError(path, "is no TOML") from None  # the message might show a key
    except ValueError as error:
        raise KeyFileError(path, str(error)) from None


def parse_keys(tables: Mapping[str, Any]) -> dict[str, MasterKey]:
    """Return master keys by id.

    Args:
        tables: what TOML holds.

    Raises:
        ValueError: a key is unusable. The message names it and shows nothing of it.
    """
    keys = tables.get("keys")
    if tables.keys() != {"keys"} or not isinstance(keys, Mapping):
        raise ValueError('there must be [keys."…"], and nothing else')
    return {name: _parse_key(name, table) for name, table in keys.items()}


def _parse_key(name: str, table: Any) -> MasterKey:
    if not isinstance(table, Mapping) or table.keys() - {"enabled", "versions"}:
        raise ValueError(f"key {name!r} must have versions, may have enabled, and nothing else")
    versions, is_enabled = table.get("versions"), table.get("enabled", True)
    if not isinstance(versions, Mapping) or not versions or not isinstance(is_enabled, bool):
        raise ValueError(f"key {name!r} must have versions, and enabled must be true or false")
    return MasterKey(dict(_parse_version(name, *one) for one in versions.items()), is_enabled)


def _parse_version(name: str, number: str, text: Any) -> tuple[int, bytes]:
    if not (number.isascii() and number.isdigit() and int(number) > 0):
        raise ValueError(f"key {name!r}: versions are numbers from 1")
    try:
        secret = b64decode(text, validate=True) if isinstance(text, str) else b""
    except ValueError:
        secret = b""
    if len(secret) != KEY_SIZE_BYTES:
        raise ValueError(f"key {name!r}, version {number}: must be {KEY_SIZE_BYTES} bytes, Base64")
    return int(number), secret
