"""A cloud of toy roles, in the shape of `atoll.registry`; each misbehaves when told to.

Run in processes of their own, so nothing here is imported by the tests themselves.
"""

import contextlib
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import trio

from atoll.config import Config, ServerSettings, setting
from atoll.errors import OperatorError, RefusedError
from atoll.metrics import Metric
from atoll.registry import CONFIG_SECTIONS as GROUND_SECTIONS
from atoll.roles import Bootstrap, RoleContext, RoleInstance
from atoll.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class ToySettings:
    """What the toy cloud consists of."""

    roles: tuple[str, ...] = setting(("disk", "keeper"), "One instance of each, in this order.")
    broken: bool = setting(False, "Whether preparing fails.")


ROLES = {
    name: f"toy_cloud:{name}"
    for name in ("disk", "keeper", "worker", "refusing", "crashing", "stubborn", "dreamy", "late")
}
BOOTSTRAP = ("toy_cloud:prepare",)
CONFIG_SECTIONS: Mapping[str, str] = {**GROUND_SECTIONS, "toy": "toy_cloud:ToySettings"}
METRIC_TABLES: tuple[str, ...] = ()
REQUESTS = Metric("atoll_toy_requests_total", "counter", "Lines answered.", ("method", "status"))


def prepare(config: Config, data: Path, world: World) -> Bootstrap:
    """Plan one instance of each role, and the workers after all of them."""
    server = config[ServerSettings]
    if config[ToySettings].broken:
        raise OperatorError("toy.broken: broken on purpose")
    if not (data / "made").exists():
        world.disk.replace(data / "made", b"once")
    names: list[str] = []
    instances: list[RoleInstance] = []
    for role in config[ToySettings].roles:
        name = f"{role}-{sum(one.role == role for one in instances)}"
        instances.append(RoleInstance(role, name, after=tuple(names)))
        names.append(name)
    instances += [
        RoleInstance("worker", f"worker-{n}", n, after=tuple(names), listen=(server.listen,))
        for n in range(server.workers)
    ]
    return Bootstrap(tuple(instances), (f"endpoint {server.listen}", "example: swift list"))


def note(context: RoleContext, event: str) -> None:
    """Append to the story that the test reads."""
    with contextlib.suppress(OSError), (context.data / "story").open("a") as story:
        story.write(f"{event} {context.name} {os.getpid()}\n")


async def disk(context: RoleContext) -> None:
    """Do nothing, well."""
    note(context, "enter")
    context.status = lambda: {"objects": 7}
    context.ready()
    await context.stopping.wait()
    note(context, "leave")


keeper = disk


async def worker(context: RoleContext) -> None:
    """Answer lines: its name, or what the line tells it to do."""
    note(context, "enter")
    listener = trio.SocketListener(trio.socket.from_stdlib_socket(context.sockets[0]))
    requests = context.metrics.counter(REQUESTS)
    context.status = lambda: {"requests": requests["GET", "200"]}
    context.ready()

    async def serve(stream: trio.SocketStream) -> None:
        line = (await stream.receive_some(1024)).decode().strip()
        if line == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if line == "freeze":
            time.sleep(3600)
        if line == "slow":
            note(context, "slow")
            await context.stopping.wait()
            await trio.sleep(0.1)
        requests["GET", "200"] += 1
        await stream.send_all(f"{context.name} {os.getpid()}\n".encode())
        await stream.aclose()

    async with trio.open_nursery() as under_way:
        async with trio.open_nursery() as accepting:

            async def accept() -> None:
                await trio.serve_listeners(serve, [listener], handler_nursery=under_way)

            accepting.start_soon(accept)
            await context.stopping.wait()
            accepting.cancel_scope.cancel()
    note(context, "leave")


async def refusing(context: RoleContext) -> None:
    """Refuse, as on a foreign device; only the second one of them serves."""
    if context.name == "refusing-1":
        await disk(context)
    else:
        raise RefusedError("device d0: cluster id is a, not b")


async def crashing(context: RoleContext) -> None:
    """Die as soon as let in."""
    note(context, "enter")
    raise RuntimeError("crashed on purpose")


async def stubborn(context: RoleContext) -> None:
    """Not stop when asked, nor when cancelled."""
    note(context, "enter")
    context.ready()
    with trio.CancelScope(shield=True):
        await trio.sleep_forever()


async def dreamy(context: RoleContext) -> None:
    """Not hear that it should stop; it can be cancelled."""
    note(context, "enter")
    context.ready()
    await trio.sleep_forever()


async def late(context: RoleContext) -> None:
    """Never get ready."""
    note(context, "enter")
    await context.stopping.wait()
