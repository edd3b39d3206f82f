"""The ground floor's commands: up, down, status, version."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from atoll import __version__
from atoll.errors import ConfigError, OperatorError

if TYPE_CHECKING:  # imported when a command runs, so that `atoll --help` answers at once
    from atoll.config import Config
    from atoll.data_folder import DataFolder

STOP_PATIENCE_S = 120.0
EXIT_NOT_RUNNING = 1
EXIT_NOT_UP = 1
EXIT_REFUSED = 2

data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("atoll-data"),
    envvar="ATOLL_DATA",
    show_default=True,
    show_envvar=True,
    help="Data folder.",
)


@click.command()
@data_option
@click.option("--listen", metavar="HOST:PORT", help="Address of the front doors.")
@click.option("--devices", type=int, metavar="N", help="Devices below the data folder.")
@click.option("--replicas", type=float, metavar="N", help="Copies of each object.")
@click.option("--workers", type=int, metavar="N", help="Worker processes; 0 is one per core.")
@click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Configuration file; DIR/atoll.toml if that is there.",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="SECTION.SETTING=VALUE",
    help="Change any setting of docs/config.md.",
)
@click.option("--detach", "detached", is_flag=True, help="Return when the cloud is up.")
@click.option("--registry", default="atoll.registry", hidden=True)
def up(
    data: Path,
    listen: str | None,
    devices: int | None,
    replicas: float | None,
    workers: int | None,
    config_path: Path | None,
    assignments: Sequence[str],
    detached: bool,
    registry: str,
) -> None:
    """Start a cloud and watch over it, making what is not there yet."""
    from atoll.config import load_config
    from atoll.data_folder import DataFolder
    from atoll.registry import load_registry

    folder = DataFolder(data.absolute())
    if config_path is None and folder.config_file.exists():
        config_path = folder.config_file
    config = load_config(config_path, sections=load_registry(registry).CONFIG_SECTIONS)
    for assignment in assignments:
        config = config.replace("--set", dict([_parse_assignment(assignment)]))
    flags = {
        "--listen": ("server.listen", listen),
        "--workers": ("server.workers", workers),
        "--devices": ("device.count", devices),
        "--replicas": ("placement.replicas", replicas),
    }
    for flag, (setting, value) in flags.items():
        if value is not None:
            config = config.replace(flag, {setting: value})
    config.check()
    _run(config, folder, registry, detached=detached)


def _run(config: Config, folder: DataFolder, registry: str, *, detached: bool) -> None:
    """Run the cloud here, or in a process of its own."""
    from atoll import log
    from atoll.config import LogSettings
    from atoll.supervisor.detach import detach
    from atoll.supervisor.lock import holder
    from atoll.supervisor.start import run_cloud
    from atoll.supervisor.supervise import NAME, StartError
    from atoll.world import DiskError, real_world

    os.umask(0o077)
    world = real_world()
    if detached and holder(folder.lock) is not None:
        _show_screen(folder)
        return
    parent = detach(folder.log) if detached else None
    log.configure(config[LogSettings], NAME, world.clock)
    try:
        run_cloud(
            config,
            folder,
            world,
            registry=registry,
            announce=parent.show if parent else _print_lines,
        )
    except (OperatorError, StartError, DiskError, OSError) as error:
        line = f"cannot {error}" if isinstance(error, DiskError) else str(error)
        exit_code = EXIT_NOT_UP if isinstance(error, StartError) else EXIT_REFUSED
        if isinstance(error, StartError) and parent:
            line = f"{line} ({folder.log})"
        if parent:
            parent.fail(line, exit_code)
        log.fatal(line)
        sys.exit(exit_code)


def _show_screen(folder: DataFolder) -> None:
    """Print the start screen of a cloud that runs already, once it is up."""
    import trio

    from atoll.supervisor.answer import ask
    from atoll.world import real_world

    try:
        answer = trio.run(ask, real_world().network, folder.socket, "screen")
    except ConnectionError as error:
        raise OperatorError(f"the cloud on {folder.root} is starting or stopping") from error
    _print_lines(answer["screen"])


@click.command()
@data_option
def down(data: Path) -> None:
    """Stop the cloud, finishing what is under way; one that does not run is stopped already."""
    from atoll.data_folder import DataFolder
    from atoll.supervisor.lock import stop_holder

    folder = DataFolder(data.absolute())
    stopped = stop_holder(folder.lock, STOP_PATIENCE_S)
    click.echo("stopped" if stopped else f"no cloud runs on {folder.root}")


@click.command()
@data_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(data: Path, as_json: bool) -> None:
    """Show the roles of a running cloud. Exits with 1 when none runs."""
    import trio

    from atoll.data_folder import DataFolder
    from atoll.status import status_lines
    from atoll.supervisor.answer import ask
    from atoll.world import real_world

    folder = DataFolder(data.absolute())
    try:
        answer = trio.run(ask, real_world().network, folder.socket, "status")
    except ConnectionError:
        click.echo(f"atoll: no cloud runs on {folder.root}", err=True)
        sys.exit(EXIT_NOT_RUNNING)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
    else:
        _print_lines(status_lines(answer))


@click.command()
def version() -> None:
    """Show the version."""
    click.echo(f"atoll {__version__}")


def _parse_assignment(assignment: str) -> tuple[str, object]:
    """Return the setting and value of "section.setting=value"; the value is TOML or a bare word.

    Raises:
        ConfigError: there is no setting or no value.
    """
    import tomllib

    setting, equals, text = assignment.partition("=")
    if not equals or "." not in setting:
        raise ConfigError("--set", assignment, "must be SECTION.SETTING=VALUE")
    try:
        return setting, tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return setting, text


def _print_lines(lines: Sequence[str]) -> None:
    for line in lines:
        click.echo(line)
