"""One role instance: the process that it is at the moment, its channel and its sockets."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import trio

from atoll.config import SupervisorSettings
from atoll.log import get_logger
from atoll.role import Order
from atoll.roles import RoleInstance
from atoll.supervisor.channel import Channel, Message, pair
from atoll.supervisor.policy import ALIVE, Life, Phase, Signs
from atoll.supervisor.sockets import ListeningAddress
from atoll.world import Clock

WATCH_INTERVAL_S = 0.25
QUEUE_HOLD_S_MAX = 1.0
LAST_WORDS_S = 1.0
KILL_GRACE_S = 2.0
EXIT_NOT_STARTED = 127

log = get_logger()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all processes of a cloud are given.

    Attributes:
        data: the data folder.
        registry: the module that names the roles.
        config_fd: the settings, in a file in memory: a cloud on a full disk must start, or nobody
            could delete anything.
    """

    data: Path
    registry: str
    config_fd: int


class Child:
    """A role instance over all of its processes.

    Attributes:
        instance: what it is.
        life: where it stands.
        status: what its process last said of itself.
        reason: why it refused, or why it was killed last.
    """

    def __init__(
        self,
        instance: RoleInstance,
        addresses: Sequence[ListeningAddress],
        settings: SupervisorSettings,
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        """Begin a life whose first process is due at once.

        Args:
            instance: what it is.
            addresses: where it listens.
            settings: delays and deadlines.
            clock: monotonic time.
            changed: called after every change of the life.
        """
        self.instance = instance
        self.life = Life.begin(clock.monotonic_s())
        self.status: dict[str, object] = {}
        self.reason = ""
        self._addresses = addresses
        self._settings = settings
        self._clock = clock
        self._changed = changed
        self._sockets: list[socket.socket] = []
        self._process: trio.Process | None = None
        self._channel: Channel | None = None
        self._signs = Signs(0.0, 0.0)
        self._asked_to_stop = False
        self._log = log.bind(name=instance.name)

    @property
    def pid(self) -> int | None:
        """The process id, or None between two processes."""
        return None if self._process is None else self._process.pid

    async def run_once(self, surroundings: Surroundings) -> None:
        """Start a process and stay with it until it has exited. On cancel: it is killed.

        Args:
            surroundings: what all processes of the cloud are given.
        """
        now_s = self._clock.monotonic_s()
        self.life = self.life.started(now_s)
        self.reason, self.status = "", {}
        self._signs = Signs(now_s, now_s)
        try:
            self._process, self._channel = await self._spawn(surroundings)
        except OSError as error:
            self._log.error("cannot start a process", error)
            self._after_exit(EXIT_NOT_STARTED)
            return
        self._log.info("started", pid=self._process.pid)
        self._changed()
        try:
            async with trio.open_nursery() as nursery:
                heard_all = trio.Event()
                nursery.start_soon(self._watch)
                nursery.start_soon(self._listen, self._channel, heard_all)
                exit_code = await self._process.wait()
                with trio.move_on_after(LAST_WORDS_S):
                    await heard_all.wait()
                nursery.cancel_scope.cancel()
        finally:
            self._process.kill()  # does nothing to a process that has exited
            self._channel.close()
            self._process = self._channel = None
        self._after_exit(exit_code)

    async def enter(self) -> None:
        """Let the process into its ``main``."""
        if self._channel is not None:
            self._signs = self._signs.let_in(self._clock.monotonic_s())
            await self._channel.send({"enter": True})

    async def stop(self, deadline_s: float) -> None:
        """Ask the process to finish; kill it when it takes longer.

        Args:
            deadline_s: how long it may take.
        """
        self._asked_to_stop = True
        self._close_sockets()
        if self._channel is not None:
            await self._channel.send({"stop": deadline_s})
            await trio.sleep(deadline_s + KILL_GRACE_S)  # cancelled when the process exits
            self.kill(f"still there {deadline_s:g} s after it was asked to stop")

    def kill(self, reason: str) -> None:
        """End the process the hard way; its sockets no longer take connections.

        A process that the kernel cannot end, because its disk hangs, must not keep clients
        waiting in its queue.
        """
        if self._process is not None:
            self.reason = reason
            self._log.warning("killing", pid=self._process.pid, reason=reason)
            for sock in self._sockets:
                sock.shutdown(socket.SHUT_RDWR)
            self._close_sockets()
            self._process.kill()

    def end(self) -> None:
        """Note that no further process is to be started."""
        self._close_sockets()
        self.life = self.life.stopped(self._clock.monotonic_s())
        self._changed()

    async def _spawn(self, around: Surroundings) -> tuple[trio.Process, Channel]:
        ours, theirs = pair()
        try:
            if not self._sockets:
                self._sockets = [address.open() for address in self._addresses]
            sockets = tuple(sock.fileno() for sock in self._sockets)
            one = self.instance
            order = Order(
                one.role,
                one.name,
                one.index,
                around.data,
                around.registry,
                around.config_fd,
                theirs.fileno(),
                sockets,
            )
            # -P: a folder named like a package of ours, where the operator happens to stand, is
            # no package. A process group of its own: Ctrl-C reaches the supervisor alone.
            process = await trio.lowlevel.open_process(
                [sys.executable, "-P", "-m", "atoll.role", *order.arguments()],
                pass_fds=(order.config_fd, order.channel_fd, *sockets),
                process_group=0,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return process, Channel(ours)

    async def _listen(self, channel: Channel, heard_all: trio.Event) -> None:
        """Hear the process out, to the end of its channel."""
        try:
            while (message := await channel.receive()) is not None:
                self._signs = self._signs.heard(self._clock.monotonic_s())
                self._note(message)
        except ValueError:
            self.kill("spoke no JSON on its channel")
        heard_all.set()

    def _note(self, message: Message) -> None:
        if "status" in message:
            self.status = message["status"]
        if "refused" in message:
            self.reason = str(message["refused"])
        if "ready" in message:
            self._signs = self._signs.became_ready()
            self.life = self.life.became_ready(self._clock.monotonic_s())
            self._changed()

    async def _watch(self) -> None:
        """Kill the process when it keeps silent or does not get ready."""
        while True:
            await trio.sleep(WATCH_INTERVAL_S)
            complaint = self._signs.complaint(self._clock.monotonic_s(), self._settings)
            if complaint is not None and not self._asked_to_stop:
                self.kill(complaint)
                return

    def _after_exit(self, exit_code: int) -> None:
        """Decide what comes next."""
        now_s = self._clock.monotonic_s()
        stopping, settings = self._asked_to_stop, self._settings
        self.life = self.life.exited(now_s, exit_code, stopping=stopping, settings=settings)
        if self.life.phase is Phase.WAITING:
            delay_s = self.life.due_s - now_s
            self.reason = self.reason or _how(exit_code)
            self._log.error("died", reason=self.reason, restart_in_s=round(delay_s, 3))
            if delay_s > QUEUE_HOLD_S_MAX:  # better refused at once than left waiting
                self._close_sockets()
        elif self.life.phase is Phase.REFUSED:
            self._log.error("refuses to serve", reason=self.reason)
        else:
            self._log.info("stopped", exit_code=exit_code)
        self._changed()

    def _close_sockets(self) -> None:
        for sock in self._sockets:
            sock.close()
        self._sockets = []

    def report(self) -> dict[str, object]:
        """Return what `atoll status` shows of it."""
        now_s = self._clock.monotonic_s()
        return {
            "name": self.instance.name,
            "role": self.instance.role,
            "phase": self.life.phase.value,
            "since_s": round(now_s - self.life.since_s, 3),
            "pid": self.pid if self.life.phase in ALIVE else None,
            "deaths": self.life.deaths,
            "reason": self.reason,
            "status": self.status,
        }


def _how(exit_code: int) -> str:
    """Return how a process ended."""
    if exit_code < 0:
        return f"ended by {signal.Signals(-exit_code).name}"
    return f"ended with exit code {exit_code}"
