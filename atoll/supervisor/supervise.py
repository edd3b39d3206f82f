"""The supervisor: one task per role instance, and the order in which they come and go."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import trio

from atoll.config import Config, LogSettings, MetricsSettings, ServerSettings, SupervisorSettings
from atoll.data_folder import DataFolder
from atoll.errors import OperatorError
from atoll.log import get_logger
from atoll.metrics import Metrics, Publisher
from atoll.metrics.table import ROLE_DEATHS, ROLE_RUNNING
from atoll.roles import Bootstrap, RoleInstance
from atoll.supervisor import order
from atoll.supervisor.answer import Answerer
from atoll.supervisor.child import Child, Surroundings
from atoll.supervisor.log_file import limit_log_file
from atoll.supervisor.policy import Life, Phase
from atoll.supervisor.sockets import ListeningAddress
from atoll.world import World

NAME = "supervisor"
TEND_INTERVAL_S = 1.0

log = get_logger()


class StartError(Exception):
    """The cloud did not come up in time."""


class Supervisor:
    """Runs the role instances of a cloud until it is told to stop."""

    def __init__(
        self,
        config: Config,
        folder: DataFolder,
        world: World,
        *,
        bootstrap: Bootstrap,
        addresses: Mapping[str, ListeningAddress],
        registry: str,
        announce: Callable[[Sequence[str]], None],
    ) -> None:
        """Plan the instances; nothing is started yet.

        Args:
            config: the settings.
            folder: the data folder.
            world: clock, network and disk.
            bootstrap: what to run, and the start screen.
            addresses: reserved listening addresses, by the names that instances use.
            registry: the module that names the roles.
            announce: called once with the start screen when the cloud is up.

        Raises:
            InvariantError: the bootstrap contradicts itself.
        """
        order.check_instances(bootstrap.instances)
        self._config = config
        self._folder = folder
        self._world = world
        config_fd = os.memfd_create("atoll-config")
        with os.fdopen(config_fd, "wb", closefd=False) as file:
            file.write(config.dump())
        self._surroundings = Surroundings(folder.root, registry, config_fd)
        self._screen = bootstrap.screen
        self._announce = announce
        self._is_up = False
        self._failure: Exception | None = None
        self._stopping = False
        self._change = trio.Event()
        self._started_s = world.clock.monotonic_s()
        self._children = {
            one.name: Child(
                one,
                [addresses[address] for address in one.listen],
                config[SupervisorSettings],
                world.clock,
                self._changed,
            )
            for one in bootstrap.instances
        }

    async def run(self) -> None:
        """Start everything, keep it running, and return when all has stopped.

        Raises:
            OperatorError: every instance of a role refused to serve.
            StartError: the cloud did not come up in time.
        """
        async with trio.open_nursery() as nursery:
            await nursery.start(self._obey_signals)
            answerer = Answerer(self._world.network, self._folder.socket)
            await nursery.start(answerer.run, self._answer)
            nursery.start_soon(self._come_up)
            nursery.start_soon(self._tend)
            async with trio.open_nursery() as lives:
                for child in self._children.values():
                    lives.start_soon(self._live, child)
            nursery.cancel_scope.cancel()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Begin to stop; the second time, end it the hard way."""
        if self._stopping:
            for child in self._children.values():
                child.kill("told to stop twice")
        self._stopping = True
        self._changed()

    @property
    def _instances(self) -> list[RoleInstance]:
        return [child.instance for child in self._children.values()]

    @property
    def _lives(self) -> dict[str, Life]:
        return {name: child.life for name, child in self._children.items()}

    def _changed(self) -> None:
        self._change.set()
        self._change = trio.Event()

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition that depends on the children's lives and on `stop`."""
        while not condition():
            await self._change.wait()

    async def _live(self, child: Child) -> None:
        """Run one process of an instance after the other."""
        while True:
            wait_s = child.life.due_s - self._world.clock.monotonic_s()
            with trio.move_on_after(max(wait_s, 0)):
                await self._until(lambda: self._stopping)
            if self._stopping:
                break
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._guide, child)
                await child.run_once(self._surroundings)
                nursery.cancel_scope.cancel()
            if child.life.phase is not Phase.WAITING:
                break
        child.end()

    async def _guide(self, child: Child) -> None:
        """Let a process in when those before it are ready; stop it when those after it are gone."""
        one = child.instance
        await self._until(
            lambda: child.pid is not None and (self._stopping or order.may_enter(one, self._lives))
        )
        if not self._stopping:
            await child.enter()
        await self._until(
            lambda: self._stopping and order.may_stop(one, self._instances, self._lives)
        )
        await child.stop(self._config[ServerSettings].stop_deadline_s)

    async def _come_up(self) -> None:
        """Announce the cloud when it serves; give up when it cannot."""
        deadline_s = self._config[SupervisorSettings].ready_deadline_s
        with trio.move_on_after(deadline_s):
            await self._until(
                lambda: (
                    self._stopping
                    or order.is_up(self._instances, self._lives)
                    or order.lost_role(self._instances, self._lives) is not None
                    or order.hopeless_role(self._instances, self._lives) is not None
                )
            )
        if self._stopping:
            return
        self._failure = self._start_failure()
        if self._failure is not None:
            self.stop()
            return
        self._is_up = True
        self._changed()
        up_s = self._world.clock.monotonic_s() - self._started_s
        log.info("up", processes=len(self._children), start_s=round(up_s, 3))
        self._announce(self._screen)

    def _start_failure(self) -> Exception | None:
        """Return why the cloud cannot serve, or None."""
        instances, lives = self._instances, self._lives
        if order.is_up(instances, lives):
            return None
        if (lost := order.lost_role(instances, lives)) is not None:
            reasons = [one.reason for one in self._children.values() if one.instance.role == lost]
            return OperatorError(f"{lost} refuses to serve: {reasons[0]}")
        if (role := order.hopeless_role(instances, lives)) is not None:
            deaths = order.START_DEATHS_MAX
            return StartError(f"{role} died {deaths} times in a row; the log says why")
        late = [one.name for one in instances if lives[one.name].phase is not Phase.RUNNING]
        deadline_s = self._config[SupervisorSettings].ready_deadline_s
        return StartError(f"not up after {deadline_s:g} s: {', '.join(late)}")

    async def _obey_signals(
        self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            task_status.started()
            async for number in signals:
                log.info("stopping", signal=signal.Signals(number).name)
                self.stop()

    async def _answer(self, question: str) -> dict[str, object]:
        """Answer one question of `atoll status` or of a second `atoll up`."""
        if question == "screen":
            await self._until(lambda: self._is_up or self._stopping)
            return {"screen": self._screen}
        now_s = self._world.clock.monotonic_s()
        return {
            "is_up": self._is_up,
            "is_stopping": self._stopping,
            "uptime_s": round(now_s - self._started_s, 3),
            "listen": self._config[ServerSettings].listen,
            "data": str(self._folder.root),
            "roles": [child.report() for child in self._children.values()],
        }

    async def _tend(self) -> None:
        """Publish the supervisor's own metrics and keep the log file within its limit."""
        await self._until(lambda: self._is_up)
        metrics = Metrics()
        publisher = await self._make_publisher(metrics)
        running, deaths = metrics.gauge(ROLE_RUNNING), metrics.counter(ROLE_DEATHS)
        while True:
            for name, child in self._children.items():
                running[name,] = float(child.life.phase is Phase.RUNNING)
                deaths[name,] = child.life.deaths
            if publisher is not None:
                publisher.publish()
            limit_log_file(self._folder.log, self._config[LogSettings].file_size_bytes_max)
            await trio.sleep(TEND_INTERVAL_S)

    async def _make_publisher(self, metrics: Metrics) -> Publisher | None:
        if not self._config[MetricsSettings].enabled:
            return None
        folder: Path = self._folder.metrics
        try:
            return await trio.to_thread.run_sync(Publisher, metrics, folder, NAME)
        except OSError as error:
            log.error("no room for metrics; the supervisor publishes none", error)
            return None
