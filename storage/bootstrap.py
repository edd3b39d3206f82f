"""Makes what a node's store needs, or finds it: cluster, devices, rings, a first user."""

from __future__ import annotations

import shlex
from pathlib import Path

from atoll.config import Config, DeviceSettings, PlacementSettings, ServerSettings
from atoll.errors import RefusedError
from atoll.log import get_logger
from atoll.roles import Bootstrap, RoleInstance
from atoll.world import DiskFullError, World
from ring import Ring
from storage.auth.users_file import User, create_users_file, read_users_file
from storage.cluster import create_cluster, read_cluster, write_cluster
from storage.data_folder import StorageFolder
from storage.device.folder import DeviceFolder
from storage.node import RING_NAMES, read_ring
from storage.s3.settings import S3Settings

RING_POWER = 12
RING_SEED = 1
log = get_logger()
_MARKER = f"{RING_NAMES[-1]}.ring"  # the last file to be made


def prepare(config: Config, data: Path, world: World) -> Bootstrap:
    """Prepare the store below a data folder; safe to repeat.

    The cluster's file is written first and the rings last: whatever a crash left in between is
    completed by the next start. Once the rings are there nothing is made any more, so that a disk
    which is not mounted is missed, and not replaced by an empty one.

    Raises:
        RefusedError: what is there contradicts the configuration.
    """
    folder = StorageFolder(data)
    for path in (data, folder.rings, folder.devices):
        world.disk.make_folder(path)
    if _MARKER not in world.disk.entries(folder.rings):
        _make_store(config, folder, world)
    elif read_cluster(world.disk, data) is None:
        raise RefusedError(f"{data}: there are rings, but no cluster; its file is lost")
    ring = _find_ring(config, folder, world)
    numbers = [device.id for device in ring.devices if device is not None]
    return Bootstrap(_instances(config, numbers), _screen(config, folder, world))


def _make_store(config: Config, folder: StorageFolder, world: World) -> None:
    """Make cluster, devices and rings, or what is missing of them."""
    settings = config[DeviceSettings]
    devices, replicas = settings.count or 1, config[PlacementSettings].replicas or 1
    if replicas > devices:
        raise RefusedError(f"{replicas:g} replicas need as many devices; there are {devices}")
    cluster = read_cluster(world.disk, folder.root)
    if cluster is None:
        cluster = create_cluster(world)
        write_cluster(world.disk, folder.root, cluster)
    for number in range(devices):
        device = DeviceFolder(world.disk, folder.device(number))
        if device.read() is None:
            device.format(world, cluster.cluster_id, number, settings.map_size_bytes)
    _make_rings(folder, world, devices, replicas)


def _find_ring(config: Config, folder: StorageFolder, world: World) -> Ring:
    """Return the ring of objects; on one node all rings have the same devices."""
    wanted_devices = config[DeviceSettings].count
    wanted_replicas = config[PlacementSettings].replicas
    ring = read_ring(world.disk, folder.rings / _MARKER)
    count = sum(device is not None for device in ring.devices)
    if wanted_devices is not None and wanted_devices != count:
        raise RefusedError(
            f"{folder.root} was made with {count} devices; --devices {wanted_devices} cannot "
            "change that"
        )
    if wanted_replicas is not None and wanted_replicas != ring.replicas:
        raise RefusedError(
            f"{folder.root} was made with {ring.replicas:g} replicas; --replicas "
            f"{wanted_replicas:g} cannot change that"
        )
    return ring


def _make_rings(folder: StorageFolder, world: World, devices: int, replicas: float) -> None:
    from ring.builder import Builder  # numpy takes a tenth of a second that no later start needs

    for name in RING_NAMES:
        builder = Builder(RING_POWER, replicas, lineage=world.random.randbytes(16).hex())
        for number in range(devices):
            builder.add_device(
                region=1, zone=1, node="127.0.0.1", port=6200, device=f"d{number}", weight=100.0
            )
        builder.rebalance(RING_SEED, world.clock.wall_ns() / 3.6e12)
        world.disk.replace(folder.rings / f"{name}.ring", builder.dump())


def _instances(config: Config, numbers: list[int]) -> tuple[RoleInstance, ...]:
    disks = tuple(RoleInstance("disk", f"disk-{number}", number) for number in numbers)
    after = tuple(disk.name for disk in disks)
    listen = config[ServerSettings].listen
    workers = tuple(
        RoleInstance("worker", f"worker-{index}", index, after, (listen,))
        for index in range(config[ServerSettings].workers)
    )
    return (*disks, *workers, RoleInstance("keeper", "keeper", 0, after))


def _screen(config: Config, folder: StorageFolder, world: World) -> tuple[str, ...]:
    """Return the lines that tell a user how to begin; makes the first user when there is none."""
    is_first = folder.users.name not in world.disk.entries(folder.root)
    if is_first:
        create_users_file(folder.users, world)
    users = read_users_file(folder.users, world)
    user = next(iter(users.values()), None)
    server = config[ServerSettings]
    scheme = "http" if server.tls_certificate is None else "https"
    endpoint = f"{scheme}://{server.listen}"
    lines = [
        f"Swift    {endpoint}/v1",
        f"auth     {endpoint}/auth/v1.0",
        f"S3       {endpoint}",
    ]
    if user is None:
        return (*lines, f"users    none in {folder.users}")
    variables = _variables(user, endpoint, config[S3Settings].region)
    text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    _write_if_changed(world, folder.credentials, text.encode())
    read = f"         . {shlex.quote(str(folder.credentials))}"
    lines += [f"user     {user.name}", f"keys     in {folder.credentials}", ""]
    lines += [
        "Try      pip install python-swiftclient",
        read,
        "         swift upload photos /usr/share/pixmaps && swift list photos",
    ]
    if user.access_key:  # not in a file that somebody else wrote
        lines += [
            "Or       pip install awscli",
            read,
            "         aws s3 sync /usr/share/pixmaps s3://photos && aws s3 ls s3://photos",
        ]
    return tuple(lines)


def _variables(user: User, endpoint: str, region: str) -> dict[str, str]:
    """Return what the clients of both front doors read from their environment."""
    variables = {
        "ST_AUTH": f"{endpoint}/auth/v1.0",
        "ST_USER": user.name,
        "ST_KEY": user.key,
    }
    if user.access_key:
        variables |= {
            "AWS_ACCESS_KEY_ID": user.access_key,
            "AWS_SECRET_ACCESS_KEY": user.secret_key,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
        }
    return variables


def _write_if_changed(world: World, path: Path, data: bytes) -> None:
    """Write a file unless it has these bytes; on a full disk the old one stays.

    A start must not need room, or nobody could delete anything.
    """
    try:
        file = world.disk.open(path)
    except FileNotFoundError:
        world.disk.replace(path, data)
        return
    try:
        held = bytearray(file.size())
        file.read_into(held, 0)
    finally:
        file.close()
    if held == data:
        return
    try:
        world.disk.replace(path, data)
    except DiskFullError as error:
        log.warning("the old file stays", path=str(path), reason=str(error))
