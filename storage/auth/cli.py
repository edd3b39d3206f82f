"""``atoll key``: access keys for S3, kept in the store of a running cloud."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from atoll.commands import data_option
from atoll.errors import OperatorError

if TYPE_CHECKING:  # imported when a command runs, so that `atoll --help` answers at once
    from storage.auth.access_keys import AccessKeys
    from storage.auth.users_file import User

EXIT_NO_KEY = 1
NODE_SLOT = 4094
"""Tells this process's timestamps from those of the workers and the keeper."""

T = TypeVar("T")


@click.group("key")
def key_group() -> None:
    """Make, list and delete access keys for S3.

    The first user's key is in credentials.env. Users stand in users.toml.
    """


@key_group.command()
@data_option
@click.option("--user", metavar="NAME", help='Whose key, as "account:user"; the first user\'s.')
def create(data: Path, user: str | None) -> None:
    """Make a key and show it with its secret, which is never shown again."""

    async def work(keys: AccessKeys, users: dict[str, User]) -> None:
        name = next(iter(users), "") if user is None else user
        if name not in users:
            raise OperatorError(f"there is no user {name!r} in users.toml")
        made = await keys.create(name)
        click.echo(f"AWS_ACCESS_KEY_ID={made.access_key}")
        click.echo(f"AWS_SECRET_ACCESS_KEY={made.secret}")

    _run(data, work)


@key_group.command("list")
@data_option
def list_keys(data: Path) -> None:
    """Show all keys, whose they are and since when."""
    from storage.s3.dates import iso

    async def work(keys: AccessKeys, users: dict[str, User]) -> None:
        for key in await keys.keys():
            made = "in users.toml" if key.created is None else iso(key.created)
            click.echo(f"{key.access_key}  {key.user}  {made}")

    _run(data, work)


@key_group.command()
@data_option
@click.argument("key")
def delete(data: Path, key: str) -> None:
    """Delete KEY; requests that are signed with it are refused from now on."""

    async def work(keys: AccessKeys, users: dict[str, User]) -> bool:
        if any(user.access_key == key for user in users.values()):
            raise OperatorError(f"{key} stands in users.toml; take it out there and restart")
        return await keys.delete(key)

    if not _run(data, work):
        click.echo(f"atoll: there is no key {key}", err=True)
        sys.exit(EXIT_NO_KEY)


def _run(data: Path, work: Callable[[AccessKeys, dict[str, User]], Awaitable[T]]) -> T:
    """Do work on the keys of a cloud.

    Raises:
        OperatorError: none runs, or it does not answer.
    """
    import trio

    from atoll.config import load_config
    from atoll.data_folder import DataFolder
    from atoll.registry import load_registry
    from atoll.supervisor.lock import holder
    from atoll.world import real_world
    from storage.auth.access_keys import AccessKeys
    from storage.auth.users_file import read_users_file
    from storage.data_folder import StorageFolder
    from storage.device.index import IndexFailedError
    from storage.node import open_node
    from storage.proxy.errors import StoreError

    folder = DataFolder(data.absolute())
    if holder(folder.lock) is None:
        raise OperatorError(f"no cloud runs on {folder.root}; start it with: atoll up")
    path = folder.config_file if folder.config_file.exists() else None
    config = load_config(path, sections=load_registry().CONFIG_SECTIONS)
    world = real_world()

    async def main() -> tuple[list[T], OperatorError | StoreError | None]:
        """Return what was done, or what failed: leaving a nursery would make a group of it."""
        async with open_node(world, folder.root, config, NODE_SLOT) as node:
            users = read_users_file(StorageFolder(folder.root).users, world)
            secret = bytes.fromhex(node.cluster.token_secret)
            try:
                return [await work(AccessKeys(node.store, users, secret, world), users)], None
            except (OperatorError, StoreError) as error:
                return [], error

    try:
        done, failure = trio.run(main)
    except IndexFailedError as error:
        raise OperatorError(f"the cloud on {folder.root} cannot be read: {error}") from error
    if isinstance(failure, StoreError):
        raise OperatorError(f"the cloud on {folder.root} does not answer: {failure}") from failure
    if failure is not None:
        raise failure
    return done[0]
