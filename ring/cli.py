"""``atoll ring``: the operator's way to a ring file. Loads numpy only when a command needs it.

A command reads the file, changes the ring in memory, and replaces the file whole: any error leaves
it as it was, shows one line, and exits with 2.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from atoll.errors import OperatorError
from atoll.world import DiskError, World, real_world
from ring.device import check_field_names
from ring.errors import RingFileError, RingInputError

if TYPE_CHECKING:
    from ring.builder import Builder
    from ring.change import RebalanceReport
    from ring.edit import DeviceList

NS_PER_HOUR = 3_600_000_000_000
EXIT_ERROR = 2
DEVICE_ID_DIGITS_MAX = 5


class RingCommandError(click.ClickException):
    """Any failure of a command, in one line."""

    exit_code = EXIT_ERROR


class RingGroup(click.Group):
    """Turns every foreseen error of its commands into one line on standard error."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            raise RingCommandError(_one_line(error.format_message())) from error
        except (OperatorError, DiskError) as error:
            raise RingCommandError(_one_line(str(error))) from error


@click.group("ring", cls=RingGroup)
def ring_group() -> None:
    """Build and inspect rings.

    FILE is a ring file; nodes look up in it, and it holds all that the next change needs. show and
    validate also read Swift's .ring.gz.
    """


_file_argument = click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
_seed_option = click.option(
    "--seed", type=int, default=0, show_default=True, help="Decides between equals."
)
_now_option = click.option(
    "--now-hours",
    type=float,
    help="Hours since 1970 to take for the present; default is the clock's.",
)
_ignore_option = click.option(
    "--ignore-min-part-hours", is_flag=True, help="Also move what moved a short time ago."
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@ring_group.command()
@_file_argument
@click.option("--power", type=int, required=True, help="There are 2^POWER partitions, for ever.")
@click.option("--replicas", type=float, required=True, help="Copies of each; 2.5 is allowed.")
@click.option("--min-part-hours", type=int, default=1, show_default=True, help="Rest after a move.")
@click.option(
    "--overload", type=float, default=0.0, show_default=True, help="0.1 allows 10 % over."
)
@click.option("--lineage", default="", help="32 hex digits; default is derived from the content.")
@click.pass_context
def create(
    ctx: click.Context,
    path: Path,
    power: int,
    replicas: float,
    min_part_hours: int,
    overload: float,
    lineage: str,
) -> None:
    """Make a ring without devices."""
    from ring.builder import Builder
    from ring.edit import write_new

    builder = Builder(
        power, replicas, min_part_hours=min_part_hours, overload=overload, lineage=lineage
    )
    write_new(_world(ctx), path, builder.dump())
    click.echo(f"created {path}: 2^{power} partitions, {replicas:g} replicas")


@ring_group.command()
@_file_argument
@click.option("--from", "source", metavar="LIST", help="JSON lines, one device each; - is stdin.")
@click.option("--region", type=int, default=1, show_default=True)
@click.option("--zone", type=int, default=1, show_default=True)
@click.option("--node", help="Host name or address.")
@click.option("--port", type=int)
@click.option("--device", help="Name of the disk on its node.")
@click.option("--weight", type=float)
@click.option("--meta", default="", help="Free text.")
@click.pass_context
def add(ctx: click.Context, /, path: Path, source: str | None, **fields: Any) -> None:
    """Add one device by flags, or many from a file."""
    from ring.edit import editing, parse_device_list

    given = [name for name in fields if ctx.get_parameter_source(name) is not _DEFAULT]
    if source is not None and given:
        raise RingInputError(f"--from does not go with --{given[0]}")
    world = _world(ctx)
    if source is None:
        flags = {name: value for name, value in fields.items() if value is not None}
        found: DeviceList = [("", flags)]
    else:
        found = parse_device_list(_read_list(world, source), source)
    with editing(world, path) as builder:
        for where, device in found:
            try:
                check_field_names(device)
                builder.add_device(**device)
            except RingInputError as error:
                raise RingInputError(f"{where}{error}") from error
    click.echo(f"added {len(found)}; rebalance to give them partitions")


_DEFAULT = click.core.ParameterSource.DEFAULT


@ring_group.command("set-weight")
@_file_argument
@click.argument("device", metavar="DEVICE")
@click.argument("weight", type=float)
@click.pass_context
def set_weight(ctx: click.Context, path: Path, device: str, weight: float) -> None:
    """Change a device's share; 0 drains it.

    DEVICE is an id, or NODE:PORT/NAME.
    """
    from ring.edit import editing

    with editing(_world(ctx), path) as builder:
        device_id = _device_id(builder, device)
        builder.set_weight(device_id, weight)
    click.echo(f"device {device_id} has weight {weight:g}; rebalance to move partitions")


@ring_group.command()
@_file_argument
@click.argument("devices", metavar="DEVICE...", nargs=-1, required=True)
@click.pass_context
def remove(ctx: click.Context, path: Path, devices: tuple[str, ...]) -> None:
    """Let devices leave the ring as their partitions move off.

    DEVICE is an id, or NODE:PORT/NAME.
    """
    from ring.edit import editing

    with editing(_world(ctx), path) as builder:
        for device in devices:
            builder.remove_device(_device_id(builder, device))
    click.echo(f"removed {len(devices)}; rebalance to move partitions")


@ring_group.command("set")
@_file_argument
@click.option("--replicas", type=float, help="Copies of each partition.")
@click.option("--overload", type=float, help="0.1 lets a device go 10 % over its share.")
@click.option("--min-part-hours", type=int, help="Rest of a partition after a move.")
@click.pass_context
def set_ring(
    ctx: click.Context,
    path: Path,
    replicas: float | None,
    overload: float | None,
    min_part_hours: int | None,
) -> None:
    """Change a setting of the ring."""
    from ring.edit import editing

    if replicas is None and overload is None and min_part_hours is None:
        raise RingInputError("set needs --replicas, --overload or --min-part-hours")
    with editing(_world(ctx), path) as builder:
        if replicas is not None:
            builder.set_replicas(replicas)
        if overload is not None:
            builder.set_overload(overload)
        if min_part_hours is not None:
            builder.set_min_part_hours(min_part_hours)
    click.echo("set; rebalance to move partitions")


@ring_group.command()
@_file_argument
@_seed_option
@_now_option
@_ignore_option
@_json_option
@click.pass_context
def rebalance(
    ctx: click.Context,
    path: Path,
    seed: int,
    now_hours: float | None,
    ignore_min_part_hours: bool,
    as_json: bool,
) -> None:
    """Move partitions to where they should be, at most one replica of each."""
    from ring.edit import editing

    world = _world(ctx)
    with editing(world, path) as builder:
        report = builder.rebalance(
            seed, _hours(world, now_hours), ignore_min_part_hours=ignore_min_part_hours
        )
    click.echo(json.dumps(asdict(report)) if as_json else _report_text(report))


@ring_group.command()
@_file_argument
@_seed_option
@_now_option
@_ignore_option
@click.option("--partition-bytes", type=click.IntRange(min=0), default=0, help="In one replica.")
@click.option(
    "--device-rate",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Bytes per second that a device gives to moves.",
)
@_json_option
@click.pass_context
def preview(
    ctx: click.Context,
    path: Path,
    seed: int,
    now_hours: float | None,
    ignore_min_part_hours: bool,
    partition_bytes: int,
    device_rate: float,
    as_json: bool,
) -> None:
    """Show what the next rebalance would do, and change nothing."""
    from ring.edit import load

    world = _world(ctx)
    found = load(world, path).preview(
        seed,
        _hours(world, now_hours),
        ignore_min_part_hours=ignore_min_part_hours,
        partition_bytes=partition_bytes,
        device_rate=device_rate,
    )
    if as_json:
        click.echo(json.dumps(asdict(found)))
        return
    click.echo(_report_text(found.report))
    click.echo(f"lowest number of copies that stay in place: {found.copies_min}")
    if partition_bytes:
        click.echo(f"bytes to move: {found.bytes_moved}")
    if device_rate:
        click.echo(f"time of the busiest device: {found.seconds:.0f} s")


@ring_group.command()
@_file_argument
@_json_option
@click.pass_context
def show(ctx: click.Context, path: Path, as_json: bool) -> None:
    """Show the ring and its devices."""
    from ring.edit import load

    builder = load(_world(ctx), path)
    devices = _device_facts(builder)
    dispersion = builder.dispersion() if builder.is_placed else None
    facts = {
        "power": builder.power,
        "partitions": builder.partitions,
        "replicas": builder.replicas,
        "replicas_placed": builder.placed_replicas,
        "overload": builder.overload,
        "min_part_hours": builder.min_part_hours,
        "version": builder.version,
        "lineage": builder.lineage,
        "balance": builder.balance() if builder.is_placed else None,
        "dispersion": dispersion.percent if dispersion else None,
    }
    if as_json:
        click.echo(json.dumps({**facts, "devices": devices}))
        return
    for name, value in facts.items():
        click.echo(f"{name:16}{'-' if value in (None, '') else _shown(value)}")
    click.echo("    id region   zone         weight partitions   balance  where")
    for one in devices:
        click.echo(
            f"{one['id']:6} {one['region']:6} {one['zone']:6} {one['weight']:14g} "
            f"{one['partitions']:10} {one['balance']:+8.2f}%  {one['address']}"
            f"{' leaving' if one['leaving'] else ''}{' ' if one['meta'] else ''}{one['meta']}"
        )


@ring_group.command()
@_file_argument
@click.pass_context
def validate(ctx: click.Context, path: Path) -> None:
    """Check that nodes can use the file."""
    from ring.edit import load

    builder = load(_world(ctx), path)
    if not builder.is_placed:
        raise RingFileError(f"{path}: holds no placement yet; rebalance it first")
    builder.validate()
    click.echo(
        f"sound: 2^{builder.power} partitions, {builder.placed_replicas:g} replicas, "
        f"{sum(device is not None for device in builder.devices)} devices, "
        f"balance {builder.balance():.2f} %, dispersion {builder.dispersion().percent:.2f} %"
    )


@ring_group.command("export")
@_file_argument
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--swift-version", type=click.IntRange(1, 2), default=1, show_default=True)
@click.pass_context
def export_ring(ctx: click.Context, path: Path, target: Path, swift_version: int) -> None:
    """Write the ring to TARGET as Swift's .ring.gz."""
    from ring.edit import load
    from ring.swift_format import write_ring_gz

    world = _world(ctx)
    world.disk.replace(target, write_ring_gz(load(world, path).ring(), swift_version))
    click.echo(f"wrote {target}")


@ring_group.command("import")
@click.argument("source", type=click.Path(path_type=Path))
@_file_argument
@click.option("--min-part-hours", type=int, default=1, show_default=True, help="Rest after a move.")
@click.pass_context
def import_ring(ctx: click.Context, source: Path, path: Path, min_part_hours: int) -> None:
    """Make a ring file from Swift's .ring.gz SOURCE, to go on from its placement."""
    from ring.edit import load, write_new

    world = _world(ctx)
    builder = load(world, source)
    builder.set_min_part_hours(min_part_hours)
    write_new(world, path, builder.dump())
    click.echo(f"imported {source} as {path}")


def _one_line(message: str) -> str:
    return " ".join(message.split())


def _world(ctx: click.Context) -> World:
    """Return the world that a test passed in, or the real one."""
    return ctx.obj if isinstance(ctx.obj, World) else real_world()


def _hours(world: World, given: float | None) -> float:
    return world.clock.wall_ns() / NS_PER_HOUR if given is None else given


def _read_list(world: World, source: str) -> bytes:
    from ring.edit import DEVICE_LIST_SIZE_BYTES_MAX, read_file

    if source != "-":
        return read_file(world, Path(source), DEVICE_LIST_SIZE_BYTES_MAX)
    data = sys.stdin.buffer.read(DEVICE_LIST_SIZE_BYTES_MAX + 1)
    if len(data) > DEVICE_LIST_SIZE_BYTES_MAX:
        raise RingInputError(f"the list is larger than {DEVICE_LIST_SIZE_BYTES_MAX} bytes")
    return data


def _device_id(builder: Builder, text: str) -> int:
    if text.isdecimal() and len(text) <= DEVICE_ID_DIGITS_MAX:
        return int(text)
    for device in builder.devices:
        if device is not None and device.address == text:
            return device.id
    raise RingInputError(f"the ring has no device {text!r}")


def _device_facts(builder: Builder) -> list[dict[str, Any]]:
    from ring.report import device_balances
    from ring.table import device_loads

    loads = device_loads(builder.table)
    balances = device_balances(builder.table, builder.devices)
    return [
        {
            **asdict(device),
            "address": device.address,
            "partitions": int(loads[device.id]),
            "balance": balances[device.id],
        }
        for device in builder.devices
        if device is not None
    ]


def _report_text(report: RebalanceReport) -> str:
    replicas = (
        f"replicas: {report.replicas_moved} moved, {report.replicas_placed} placed, "
        f"{report.replicas_dropped} dropped"
    )
    lines = [
        f"version {report.version}: {report.partitions_moved} partitions moved",
        replicas,
        f"balance {report.balance:.2f} %, dispersion {report.dispersion:.2f} %",
    ]
    if report.replicas_waiting:
        lines.append(
            f"{report.replicas_waiting} replicas wait on devices that should be empty; "
            "rebalance again after min_part_hours"
        )
    if report.replicas != report.replicas_wanted:
        lines.append(
            f"{report.replicas:g} of {report.replicas_wanted:g} replicas so far; "
            "rebalance again after min_part_hours"
        )
    if report.required_overload > 0 and report.dispersion > 0:
        lines.append(f"an overload of {report.required_overload:.4f} would disperse all replicas")
    return "\n".join(lines)


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
