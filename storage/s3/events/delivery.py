"""Takes events out of the devices' queues and runs the errands that follow from them.

An event leaves the queues once all of its errands are run, or given up: whoever dies in between
leaves it there, and the next keeper begins with it again. So each is run at least once, and in the
order of the queue as long as nobody dies. Several devices hold the same event; it is told once,
unless a device was away at that time and still owes it when it comes back.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import trio

from atoll.log import get_logger
from atoll.world import World
from storage.device.client import DeviceUnavailableError, OutcomeUnknownError
from storage.device.events import OwedEvent
from storage.mutation import ClearEvents
from storage.object.event import Event
from storage.proxy.errors import StoreError
from storage.proxy.replica import Replica, ReplicaFailedError
from storage.s3.events.errand import (
    Errand,
    ErrandFailedError,
    ErrandHopelessError,
    ErrandRefusedError,
    Router,
)
from storage.timestamp import ClockDriftError, milliseconds

PAGE = 256
RETRY_S_MIN = 0.5
RETRY_S_MAX = 60.0
REFUSALS_MAX = 6
"""After so many of an errand it is given up: with the waits between them, a quarter of a minute."""
SETTLED_KNOWN_MAX = 10_000
COMMIT_DEADLINE_S = 30.0
_NS_PER_MS = 1_000_000
log = get_logger(part="events")


@dataclass(slots=True)
class _Held:
    """An event, with who holds it and how many errands are left."""

    event: Event
    entries: list[tuple[int, int]] = field(default_factory=list)
    container_numbers: dict[int, int] = field(default_factory=dict)
    errands_left: int = 0


class Delivery:
    """Runs the errands of the events that devices hold.

    Args:
        world: clock.
        replicas: the devices by number.
        routers: say what must be done because of an event.
        count: told of what was done: its name, and how often.
        age_s_max: an event that is older is given up.
        backlog_max: most errands that wait in a lane; the oldest are given up for new ones.
    """

    def __init__(
        self,
        world: World,
        replicas: Mapping[int, Replica],
        routers: Sequence[Router],
        count: Callable[[str, int], None],
        *,
        age_s_max: float,
        backlog_max: int,
    ) -> None:
        self._clock = world.clock
        self._replicas = replicas
        self._routers = routers
        self._count = count
        self._age_ms_max = age_s_max * 1000
        self._backlog_max = backlog_max
        self._after = dict.fromkeys(replicas, 0)
        self._damaged: set[tuple[int, int]] = set()
        self._held: dict[tuple[bytes, bytes], _Held] = {}
        self._known: OrderedDict[tuple[bytes, bytes], None] = OrderedDict()
        self._settled: dict[int, list[int]] = {number: [] for number in replicas}
        self._lanes: dict[str, _Lane] = {}

    async def run(self, interval_s: float) -> None:
        """Work until cancelled. On cancel: what is not settled stays in the queues."""
        async with trio.open_nursery() as nursery:
            while True:
                try:
                    while await self.take_in(nursery):
                        await self.clear()
                except (StoreError, ClockDriftError) as error:
                    log.warning("events wait", reason=str(error))
                await self.clear()
                await trio.sleep(interval_s)

    async def take_in(self, nursery: trio.Nursery) -> bool:
        """Take a page of events of each device into the lanes; tell whether there may be more.

        Raises:
            StoreError: it is not known what must be done; the event is taken the next time.
        """
        is_more = False
        for device, replica in self._replicas.items():
            try:
                page = await replica.events(self._after[device], PAGE)
            except ReplicaFailedError:
                continue  # its peers hold the same
            sound = 0
            for owed in page:
                if owed.event is None:
                    self._pass_over(device, owed.number)
                    continue
                await self._take(device, owed, owed.event, nursery)
                self._after[device] = owed.number
                sound += 1
            is_more |= sound == PAGE
        return is_more

    def _pass_over(self, device: int, number: int) -> None:
        """Note once that an entry is damaged; a device that has the event, too, tells it."""
        if (device, number) not in self._damaged:
            self._damaged.add((device, number))
            self._count("events_damaged", 1)
            log.error("event damaged", device=device, number=number)

    async def _take(
        self, device: int, owed: OwedEvent, event: Event, nursery: trio.Nursery
    ) -> None:
        key = event.container_id, event.id
        if key in self._known:
            self._settled[device].append(owed.number)
            return
        held = self._held.get(key)
        is_new = held is None
        errands: list[Errand] = []
        if held is None:
            for route in self._routers:
                errands += await route(event)
            held = self._held[key] = _Held(event, errands_left=len(errands))
        held.entries.append((device, owed.number))
        held.container_numbers[device] = owed.container_number
        if is_new and not errands:
            self._settle(key, held)
        for errand in errands:
            lane = self._lanes.get(errand.lane)
            if lane is None:
                lane = self._lanes[errand.lane] = _Lane()
                nursery.start_soon(self._run_lane, errand.lane, lane)
            if len(lane.errands) >= self._backlog_max:
                await self._give_up(errand.lane, *lane.errands.popleft())
            lane.errands.append((held, errand))
            lane.has_errands.set()

    async def _run_lane(self, name: str, lane: _Lane) -> None:
        retry_s, refusals = RETRY_S_MIN, 0
        last: Errand | None = None
        while True:
            await lane.has_errands.wait()
            if not lane.errands:
                lane.has_errands = trio.Event()
                continue
            held, errand = lane.errands[0]
            if errand is not last:
                last, refusals = errand, 0
            if self._age_ms(held.event) > self._age_ms_max or refusals >= REFUSALS_MAX:
                lane.errands.popleft()
                await self._give_up(name, held, errand)
                continue
            try:
                await errand.run(held.container_numbers)
            except ErrandHopelessError as error:
                log.warning("event cannot be delivered", lane=name, reason=str(error))
                refusals = REFUSALS_MAX
                continue
            except (ErrandFailedError, StoreError, ClockDriftError) as error:
                refusals += isinstance(error, ErrandRefusedError)
                self._count("events_retried", 1)
                log.warning("event will be tried again", lane=name, reason=str(error))
                await trio.sleep(retry_s)
                retry_s = min(2 * retry_s, RETRY_S_MAX)
                continue
            retry_s = RETRY_S_MIN
            if lane.errands and lane.errands[0][1] is errand:  # else it was given up meanwhile
                lane.errands.popleft()
                self._finish(held)
            self._count("events_delivered", 1)

    def _age_ms(self, event: Event) -> float:
        return self._clock.wall_ns() / _NS_PER_MS - milliseconds(event.id)

    async def _give_up(self, lane: str, held: _Held, errand: Errand) -> None:
        self._count("events_dropped", 1)
        log.error("event dropped", lane=lane, bucket=held.event.container, key=held.event.name)
        if errand.give_up is not None:
            try:
                await errand.give_up()
            except (StoreError, ClockDriftError) as error:
                log.warning("what was given up cannot be marked", reason=str(error))
        self._finish(held)

    def _finish(self, held: _Held) -> None:
        held.errands_left -= 1
        if held.errands_left == 0:
            self._settle((held.event.container_id, held.event.id), held)

    def _settle(self, key: tuple[bytes, bytes], held: _Held) -> None:
        del self._held[key]
        self._known[key] = None
        if len(self._known) > SETTLED_KNOWN_MAX:
            self._known.popitem(last=False)
        for device, number in held.entries:
            self._settled[device].append(number)

    async def clear(self) -> None:
        """Remove settled events from the queues; what cannot be is removed later, or told again."""
        for device, numbers in self._settled.items():
            while numbers:
                asked = tuple(numbers[:PAGE])
                try:
                    await self._replicas[device].commit([ClearEvents(asked)], COMMIT_DEADLINE_S)
                except (DeviceUnavailableError, OutcomeUnknownError):
                    break
                del numbers[: len(asked)]


class _Lane:
    """Errands that are run one after the other."""

    def __init__(self) -> None:
        self.errands: deque[tuple[_Held, Errand]] = deque()
        self.has_errands = trio.Event()
