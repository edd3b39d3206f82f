"""Names that are the system's: they begin with NUL, which no client's name may hold.

They stand in no listing of an account and in no count of its containers; what they hold counts in
its bytes.
"""

from __future__ import annotations

from storage.container.record import ContainerRecord
from storage.path import RESERVED_PREFIX
from storage.proxy.engine import Engine
from storage.proxy.errors import UnavailableError

SYSTEM_ACCOUNT = "\0atoll"
"""The cluster's own account."""

BUCKET_NAMES = "buckets"
"""Its container of claims: one object for each S3 bucket."""

ACCESS_KEYS = "keys"
"""Its container of access keys of users in `users.toml`: one object for each."""

DIRECTORIES = "iam"
"""Its container of IAM directories: one object for each storage account that has one."""

IAM_KEYS = "iam-keys"
"""Its container of IAM's access keys: one object for each, which says whose directory has it."""


def is_reserved(name: str) -> bool:
    """Tell whether the name of an account or container is the system's."""
    return name.startswith(RESERVED_PREFIX)


def uploads_of(container: str) -> str:
    """Return the container of a bucket's open multipart uploads."""
    return f"\0uploads\0{container}"


def parts_of(container: str) -> str:
    """Return the container of the parts of a bucket's multipart objects."""
    return f"\0parts\0{container}"


def configuration_of(container: str) -> str:
    """Return the container of a bucket's configuration documents."""
    return f"\0config\0{container}"


def hidden_of(container: str) -> tuple[str, ...]:
    """Return all containers that belong to a bucket and go with it."""
    return uploads_of(container), parts_of(container), configuration_of(container)


async def ensure_container(
    engine: Engine, account: str, container: str, policy: int = 0
) -> ContainerRecord:
    """Return a container of the system's, which is made when it is first asked for.

    Raises:
        UnavailableError: it vanished at once.
    """
    found = await engine.container(account, container)
    if found is None:
        await engine.create_container(account, container, {}, policy)
        found = await engine.container(account, container)
    if found is None:
        raise UnavailableError(f"{container!r} of {account!r} vanished")
    return found
