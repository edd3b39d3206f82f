"""Keeps directories, and which of them has an access key.

A directory is one object, named after its storage account, in a container of the cluster's own.
It is replaced on the condition that it is still the one that was read; whoever loses that race
reads again. A look at an unchanged directory costs one look at its record.

An access key's object says which directory has it. It is made after the directory knows the key,
before anybody is told the secret, and removed after the directory forgot the key. A key that its
directory does not know is not valid, whatever a crash left behind.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from storage.auth.keys import AccessKey
from storage.object.record import ObjectRecord
from storage.proxy.engine import Attributes, Engine
from storage.proxy.errors import ObjectMissingError, PreconditionFailedError
from storage.reserved import DIRECTORIES, IAM_KEYS, SYSTEM_ACCOUNT, ensure_container
from storage.s3.iam.directory_format import decode, encode
from storage.s3.iam.errors import IamError, exceeded
from storage.s3.iam.limits import DIRECTORY_BYTES_MAX
from storage.s3.iam.model import Directory

DIRECTORIES_KNOWN_MAX: Final = 64
HOLDERS_KNOWN_MAX: Final = 4096
ATTEMPTS_MAX: Final = 8
"""To change a directory that others change too."""

_ACCOUNT: Final = "account"

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Snapshot:
    """A directory as it was read.

    Attributes:
        directory: never changed.
        write_id: of its object; empty where there is none yet.
        bearers: keys that were looked up in it, with the rights it gives them, by id; those of
            sessions by token.
    """

    directory: Directory
    write_id: bytes
    bearers: dict[str, AccessKey] = field(default_factory=dict)


class DirectoryStore:
    """The directories of a cluster.

    Args:
        engine: of the store.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: OrderedDict[str, Snapshot] = OrderedDict()
        self._holders: OrderedDict[str, str] = OrderedDict()

    async def get(self, account: str) -> Snapshot:
        """Return an account's directory as it is now; it may be empty."""
        container = await self._engine.container(SYSTEM_ACCOUNT, DIRECTORIES)
        record = None if container is None else await self._engine.object(container, account)
        write_id = b"" if record is None else record.write_id
        known = self._known.get(account)
        if known is not None and known.write_id == write_id:
            self._known.move_to_end(account)
            return known
        if container is None or record is None:
            return self._remember(account, Snapshot(Directory(), b""))
        found = await self._engine.get_object(container, account)
        if found is None:
            return Snapshot(Directory(), b"")
        record, opening = found
        async with opening as payload:
            data = payload.whole
            if data is None:
                pieces = [bytes(piece) async for piece in payload.read(0, record.size_bytes)]
                data = b"".join(pieces)
        return self._remember(account, Snapshot(decode(data), record.write_id))

    async def change(self, account: str, work: Callable[[Directory], T]) -> T:
        """Change an account's directory and return what the work returns.

        Args:
            account: storage account.
            work: changes the directory it is given; it may be called several times.

        On cancel: the change may or may not have happened; never half of it.

        Raises:
            IamError: what the work raises; ConcurrentModification, others always came first;
                LimitExceeded, the directory would be too large.
        """
        container = await ensure_container(self._engine, SYSTEM_ACCOUNT, DIRECTORIES)
        for _ in range(ATTEMPTS_MAX):
            snapshot = await self.get(account)
            directory = snapshot.directory.copy()
            done = work(directory)
            data = encode(directory)
            if len(data) > DIRECTORY_BYTES_MAX:
                raise exceeded("DirectorySize", DIRECTORY_BYTES_MAX)
            try:
                record = await self._engine.put_object(
                    container,
                    account,
                    Attributes("application/octet-stream", {}, {}),
                    _Bytes(data),
                    size_bytes=len(data),
                    condition=_is_still(snapshot.write_id),
                )
            except PreconditionFailedError:
                continue
            self._remember(account, Snapshot(directory, record.write_id))
            return done
        raise IamError("ConcurrentModification", "Others are changing this account; try again.")

    def known_holder(self, key: str) -> str | None:
        """Return what `holder` returned for an access key before, where that is remembered."""
        return self._holders.get(key)

    async def holder(self, key: str) -> str | None:
        """Return the storage account that an access key was made for, or nothing."""
        container = await self._engine.container(SYSTEM_ACCOUNT, IAM_KEYS)
        record = None if container is None else await self._engine.object(container, key)
        if record is None:
            return None
        account = record.system[_ACCOUNT]
        self._holders[key] = account
        if len(self._holders) > HOLDERS_KNOWN_MAX:
            self._holders.popitem(last=False)
        return account

    async def add_key(self, key: str, account: str) -> None:
        """Note which account an access key is made for, which its directory knows."""
        container = await ensure_container(self._engine, SYSTEM_ACCOUNT, IAM_KEYS)
        attributes = Attributes("", {}, {_ACCOUNT: account})
        await self._engine.put_object(
            container, key, attributes, _Bytes(b""), size_bytes=0, condition=_is_still(b"")
        )

    async def remove_key(self, key: str) -> None:
        """Forget an access key that no directory knows any more."""
        self._holders.pop(key, None)
        container = await self._engine.container(SYSTEM_ACCOUNT, IAM_KEYS)
        if container is None:
            return
        try:
            await self._engine.delete_object(container, key)
        except ObjectMissingError:
            return

    def _remember(self, account: str, snapshot: Snapshot) -> Snapshot:
        self._known[account] = snapshot
        self._known.move_to_end(account)
        if len(self._known) > DIRECTORIES_KNOWN_MAX:
            self._known.popitem(last=False)
        return snapshot


def _is_still(write_id: bytes) -> Callable[[ObjectRecord | None], None]:
    """Return the condition that an object is the one that was read; empty: that there is none."""

    def check(current: ObjectRecord | None, /) -> None:
        if (b"" if current is None else current.write_id) != write_id:
            raise PreconditionFailedError("it changed meanwhile")

    return check


class _Bytes:
    """A body that is at hand."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def receive(self) -> bytes:
        """Return all of it, then nothing."""
        data, self._data = self._data, b""
        return data
