"""A cloud with known content: every answer that it may give, and which of them it gives again."""

import random
from collections.abc import Callable, Iterator
from functools import partial

from running_cloud import RunningCloud
from swift_client import Answer, Broken, Login, SwiftClient

OBJECTS = 150
_CONTAINERS = ("one", "two", "three")
_SIZES_BYTES = (0, 10, 500, 4_000, 12_000, 40_000)
_QUERIES = ("", "reverse=true", "delimiter=/", "prefix=folder%202", "limit=7&marker=folder")
_VOLATILE = ("x-trans-id", "x-openstack-request-id", "date", "connection")

Question = Callable[[SwiftClient], Answer]


def fill(client: SwiftClient) -> None:
    """Store objects of many sizes in a few containers, some replaced, changed or deleted."""
    for container in _CONTAINERS:
        assert client.put(f"/{container}", X_Container_Meta_Colour=container).status == 201
    for number in range(OBJECTS):
        path = _path(number)
        body = random.Random(number).randbytes(_SIZES_BYTES[number % len(_SIZES_BYTES)])
        notes = 1 if number % 10 else 15  # with so many the record moves to pages of its own
        metadata = {f"X_Object_Meta_Note_{at}": f"{at:02}" * 100 for at in range(notes)}
        assert client.put(path, body, **metadata).status == 201
        if number % 7 == 0:
            assert client.put(path, body[::-1]).status == 201
        if number % 11 == 0:
            assert client.post(path, X_Object_Meta_Changed="yes").status == 202
        if number % 13 == 0:
            assert client.delete(path).status == 204


def _path(number: int) -> str:
    container = _CONTAINERS[number % len(_CONTAINERS)]
    return f"/{container}/folder {number % 5}/{number:04}" + "é" * (number % 4)


def _questions() -> Iterator[tuple[str, Question]]:
    """Walk what can be asked, with a name for each."""
    for path in map(_path, range(OBJECTS + 20)):  # the last ones are not there
        yield f"GET {path}", partial(SwiftClient.get, path=path)
        yield f"HEAD {path}", partial(SwiftClient.head, path=path)
    for container in ("", "/none", *(f"/{name}" for name in _CONTAINERS)):
        yield f"HEAD {container}", partial(SwiftClient.head, path=container)
        for query in _QUERIES:
            target = f"{container}?format=json&{query}"
            yield f"GET {target}", partial(SwiftClient.request, method="GET", path=target)


def answers(cloud: RunningCloud, login: Login) -> dict[str, Answer | None]:
    """Ask everything; nothing stands for a refusal or a broken connection."""
    found: dict[str, Answer | None] = {}
    with SwiftClient(cloud, login) as client:
        for name, question in _questions():
            try:
                answer = question(client)
            except Broken:
                found[name] = None
                continue
            headers = {key: value for key, value in answer.headers.items() if key not in _VOLATILE}
            found[name] = None if answer.status == 503 else answer._replace(headers=headers)
    return found
