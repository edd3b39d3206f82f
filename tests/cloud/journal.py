"""What writers were promised: for every name what it must hold, or may hold after a lost answer."""

import hashlib
import random
import threading
from collections.abc import Iterator
from typing import NamedTuple

from running_cloud import RunningCloud
from swift_client import Answer, Broken, Login, SwiftClient

SIZES_BYTES = (0, 1, 100, 5_000, 16_384, 16_385, 65_536, 200_000, 1_048_577, 3_000_000)
SIZE_WEIGHTS = (4, 4, 30, 30, 5, 5, 5, 8, 4, 3)
RETRY_DELAY_S = 0.02
META = "X-Object-Meta"


class Version(NamedTuple):
    """A body that was sent; its bytes follow from its name and number."""

    name: str
    number: int
    size_bytes: int

    @property
    def body(self) -> bytes:
        """The bytes."""
        return random.Random(f"{self.name} {self.number}").randbytes(self.size_bytes)

    def is_in(self, answer: Answer) -> bool:
        """Tell whether an answer to a GET is this version, body, metadata and ETag."""
        return (
            answer.headers.get(f"{META}-number".lower()) == str(self.number)
            and answer.headers["etag"] == hashlib.md5(self.body, usedforsecurity=False).hexdigest()
            and answer.body == self.body
        )


class Journal:
    """The states that each name may be in: one, or several after an answer that was lost."""

    def __init__(self) -> None:
        self.possible: dict[str, set[Version | None]] = {}
        self.violations: list[str] = []
        self.acknowledged = 0
        self.unknown = 0

    def begin(self, name: str, state: Version | None) -> None:
        """Note that a write is sent: from now on its effect may be seen."""
        self.possible.setdefault(name, {None}).add(state)

    def acknowledge(self, name: str, state: Version | None) -> None:
        """Note that a write was acknowledged: nothing else is right any more."""
        self.possible[name] = {state}
        self.acknowledged += 1

    def observe(self, name: str, answer: Answer) -> None:
        """Judge the answer to a GET; what was seen once has to stay."""
        possible = self.possible[name]
        if answer.status == 404:
            seen = possible & {None}
        elif answer.status == 200:
            seen = {one for one in possible if one is not None and one.is_in(answer)}
        else:
            self.violations.append(f"{name}: {answer.status}")
            return
        if len(seen) != 1:
            self.violations.append(f"{name}: {answer.status} {answer.body[:20]!r}, not {possible}")
            return
        self.possible[name] = seen

    def living(self) -> Iterator[Version]:
        """Walk the versions that are there, once every name was observed."""
        for states in self.possible.values():
            (state,) = states
            if state is not None:
                yield state


class Writer:
    """Overwrites, adds, deletes and reads names of its own, in a thread, until told to stop."""

    def __init__(
        self, cloud: RunningCloud, login: Login, container: str, number: int, names: int = 25
    ) -> None:
        self.journal = Journal()
        self.container = container
        self._client = SwiftClient(cloud, login)
        self._random = random.Random(number)
        self._names = [f"w{number}/{index}" for index in range(names)]
        self._numbers = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"writer-{number}")

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Let it finish what it does, and end."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        with self._client:
            while not self._stopping.is_set():
                name = self._random.choice(self._names)
                chance = self._random.random()
                try:
                    if chance < 0.6:
                        self._put(name)
                    elif chance < 0.75:
                        self._delete(name)
                    elif name in self.journal.possible:
                        self._get(name)
                except Broken:
                    self.journal.unknown += 1
                    self._stopping.wait(RETRY_DELAY_S)

    def _put(self, name: str) -> None:
        self._numbers += 1
        (size_bytes,) = self._random.choices(SIZES_BYTES, SIZE_WEIGHTS)
        version = Version(name, self._numbers, size_bytes)
        self.journal.begin(name, version)
        headers = {f"{META}-number": str(version.number)}
        answer = self._client.put(f"/{self.container}/{name}", version.body, **headers)
        self._settle(name, version, answer, expected=201)

    def _delete(self, name: str) -> None:
        self.journal.begin(name, None)
        answer = self._client.delete(f"/{self.container}/{name}")
        if answer.status == 404:
            self.journal.observe(name, answer)
        else:
            self._settle(name, None, answer, expected=204)

    def _settle(self, name: str, state: Version | None, answer: Answer, expected: int) -> None:
        if answer.status == expected:
            self.journal.acknowledge(name, state)
        elif answer.status >= 500:
            self.journal.unknown += 1
        else:
            self.journal.violations.append(f"{name}: {answer.status}, not {expected}")

    def _get(self, name: str) -> None:
        answer = self._client.get(f"/{self.container}/{name}")
        if answer.status != 503:  # a device's process is being replaced
            self.journal.observe(name, answer)
