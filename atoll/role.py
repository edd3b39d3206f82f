"""The process of one role instance; started by the supervisor as ``python -m atoll.role``.

It takes its lock, imports its role, waits to be let in, and then runs the role's ``main`` until
the supervisor says stop or is gone. It never outlives its supervisor by more than the time to
finish what is under way.
"""

from __future__ import annotations

import gc
import resource
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import trio

from atoll import log as logging
from atoll.config import Config, LogSettings, MetricsSettings, ProcessSettings, ServerSettings
from atoll.data_folder import DataFolder
from atoll.errors import OperatorError, RefusedError
from atoll.metrics import Publisher
from atoll.metrics.table import PROCESS_CPU, PROCESS_MEMORY
from atoll.registry import load, load_registry
from atoll.roles import EXIT_REFUSED, RoleContext
from atoll.supervisor.channel import Channel, encode_message
from atoll.supervisor.lock import HeldError, Lock
from atoll.world import World, real_world

EXIT_CRASHED = 1
STATUS_INTERVAL_S = 1.0
_COMMAND_NAME_LENGTH_MAX = 15

log = logging.get_logger()

RoleMain = Callable[[RoleContext], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Order:
    """What the supervisor wants this process to be; its command line.

    Attributes:
        role: a key of the registry's ROLES.
        name: of the instance.
        index: which one of its role it is.
        data: the data folder.
        registry: the module that names the roles.
        config_fd: the settings, as `Config.dump` writes them.
        channel_fd: this process's end of the control channel.
        socket_fds: listening sockets.
    """

    role: str
    name: str
    index: int
    data: Path
    registry: str
    config_fd: int
    channel_fd: int
    socket_fds: tuple[int, ...] = ()

    def arguments(self) -> list[str]:
        """Return the command line after ``python -m atoll.role``."""
        fds = (self.config_fd, self.channel_fd, *self.socket_fds)
        rest = map(str, (self.index, self.data, self.registry, *fds))
        return [self.role, self.name, *rest]

    @classmethod
    def parse(cls, arguments: list[str]) -> Order:
        """Return the order that `arguments` wrote.

        Raises:
            ValueError: it was not written by `arguments`.
        """
        role, name, index, data, registry, *fds = arguments
        config_fd, channel_fd, *socket_fds = map(int, fds)
        return cls(
            role, name, int(index), Path(data), registry, config_fd, channel_fd, tuple(socket_fds)
        )


def main(arguments: list[str]) -> int:
    """Run one role instance; return the exit code."""
    try:
        order = Order.parse(arguments)
    except ValueError:
        logging.fatal("atoll.role is started by `atoll up`, not by hand")
        return 2
    folder = DataFolder(order.data)
    world = real_world()
    registry = load_registry(order.registry)
    Path("/proc/self/comm").write_text(f"atoll:{order.name}"[:_COMMAND_NAME_LENGTH_MAX])
    try:
        text = Path(f"/proc/self/fd/{order.config_fd}").read_bytes()  # with an offset of its own
        config = Config.parse(text, where="the supervisor", sections=registry.CONFIG_SECTIONS)
        logging.configure(config[LogSettings], order.name, world.clock)
        sys.setswitchinterval(config[ProcessSettings].gil_switch_interval_s)
        gc.set_threshold(config[ProcessSettings].collect_after_objects)
        lock = Lock(folder.role_locks / f"{order.name}.lock")
    except (OperatorError, HeldError, OSError, ValueError) as error:
        log.error("cannot start", error)
        return EXIT_CRASHED
    try:
        process = RoleProcess(order, config, world)
        role_main = load(registry.ROLES[order.role])
        gc.freeze()  # what is there by now stays: nobody need look at it again
        return trio.run(process.live, role_main)
    except Exception as error:
        log.error("role crashed", error)
        return EXIT_CRASHED
    finally:
        lock.release()


class RoleProcess:
    """Runs a role between its supervisor's "enter" and "stop"."""

    def __init__(self, order: Order, config: Config, world: World) -> None:
        """Take over the sockets that the supervisor passed on."""
        self._channel_socket = socket.socket(fileno=order.channel_fd)
        self._enter = trio.Event()
        self._work = trio.CancelScope()
        self._context = RoleContext(
            config=config,
            data=order.data,
            world=world,
            name=order.name,
            index=order.index,
            sockets=[socket.socket(fileno=fd) for fd in order.socket_fds],
            stop_deadline_s=config[ServerSettings].stop_deadline_s,
        )
        for sock in self._context.sockets:
            sock.setblocking(False)

    async def live(self, role_main: RoleMain) -> int:
        """Run the role; return the exit code."""
        channel = Channel(self._channel_socket)
        exit_code = 0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._obey_supervisor, channel)
            nursery.start_soon(self._obey_signals)
            nursery.start_soon(self._report, channel)
            nursery.start_soon(self._publish)
            await self._enter.wait()
            if not self._context.stopping.is_set():
                try:
                    with self._work:
                        await role_main(self._context)
                except* RefusedError as refusal:
                    reason = str(_first(refusal))
                    log.error("role refuses to serve", reason=reason)
                    await channel.send({"refused": reason})
                    exit_code = EXIT_REFUSED
            nursery.cancel_scope.cancel()
        return exit_code

    def _stop(self) -> None:
        """Ask the role to finish; cancel it at the deadline."""
        if not self._context.stopping.is_set():
            self._context.stopping.set()
            self._work.deadline = trio.current_time() + self._context.stop_deadline_s
        self._enter.set()

    async def _obey_supervisor(self, channel: Channel) -> None:
        """Enter and stop when told to; stop too when nobody is left to tell."""
        while (message := await channel.receive()) is not None:
            if "stop" in message:
                self._context.stop_deadline_s = float(message["stop"])
                self._stop()
            else:
                self._enter.set()
        if not self._context.stopping.is_set():
            log.warning("the supervisor is gone; stopping")
        self._stop()

    async def _obey_signals(self) -> None:
        """Stop on SIGTERM; leave Ctrl-C to the supervisor."""
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for number in signals:
                if number == signal.SIGTERM:
                    self._stop()

    async def _report(self, channel: Channel) -> None:
        """Tell the supervisor every second how things are, and at once when ready."""
        ready = self._context.is_ready
        said_ready = False
        while True:
            if ready.is_set() and not said_ready:
                said_ready = True
                await channel.send({"ready": True})
            await channel.send({"status": self._status()})
            with trio.move_on_after(STATUS_INTERVAL_S):
                await (trio.sleep_forever() if said_ready else ready.wait())

    def _status(self) -> dict[str, object]:
        """Return the role's status; the data path must not die of a mistake in it."""
        try:
            status = dict(self._context.status())
            encode_message({"status": status})  # raises when it is too long
        except Exception as error:
            log.error("status failed", error)
            return {"error": str(error)[:200]}
        return status

    async def _publish(self) -> None:
        """Publish the process's metrics for ever, once it is ready."""
        context = self._context
        settings = context.config[MetricsSettings]
        if not settings.enabled:
            return
        await context.is_ready.wait()
        cpu = context.metrics.counter(PROCESS_CPU)
        memory = context.metrics.gauge(PROCESS_MEMORY)
        try:  # in a thread, because prometheus-client takes its time to import
            publisher = await trio.to_thread.run_sync(
                Publisher, context.metrics, DataFolder(context.data).metrics, context.name
            )
        except OSError as error:
            log.error("no room for metrics; this process publishes none", error)
            return
        while True:
            usage = resource.getrusage(resource.RUSAGE_SELF)
            cpu[context.name,] = usage.ru_utime + usage.ru_stime
            memory[context.name,] = _resident_bytes()
            publisher.publish()
            await trio.sleep(settings.publish_interval_s)


def _first(group: BaseExceptionGroup[RefusedError]) -> BaseException:
    """Return the first error in a group of groups."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
