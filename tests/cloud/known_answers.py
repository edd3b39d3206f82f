"""A cloud with known content: every answer it may give, and which of them it gives again."""

import random
from collections.abc import Callable, Iterator

from running_cloud import RunningCloud
from swift_client import Answer, Broken, SwiftClient

OBJECTS = 150
_VOLATILE = ("x-trans-id", "x-openstack-request-id", "date", "connection")
_SIZES_BYTES = (0, 10, 500, 4_000, 12_000, 40_000)

Question = Callable[[SwiftClient], Answer]


def fill(client: SwiftClient) -> None:
    """Store objects of many sizes in a few containers, some replaced, changed or deleted."""
    for container in ("one", "two", "three"):
        assert client.put(f"/{container}", X_Container_Meta_Colour=container).status == 201
    for number in range(OBJECTS):
        path = _path(number)
        body = random.Random(number).randbytes(_SIZES_BYTES[number % len(_SIZES_BYTES)])
        note = "x" * (200 if number % 10 else 3000)  # a long one moves the record to other pages
        chunks = {
            f"X_Object_Meta_Note_{at}": note[at : at + 200] for at in range(0, len(note), 200)
        }
        assert client.put(path, body, **chunks).status == 201
        if number % 7 == 0:
            assert client.put(path, body[::-1]).status == 201
        if number % 11 == 0:
            assert client.post(path, X_Object_Meta_Changed="yes").status == 202
        if number % 13 == 0:
            assert client.delete(path).status == 204


def _path(number: int) -> str:
    container = ("one", "two", "three")[number % 3]
    return f"/{container}/folder {number % 5}/{number:04}" + "é" * (number % 4)


def questions() -> Iterator[tuple[str, Question]]:
    """Walk what can be asked, with a name for each."""
    for number in range(OBJECTS + 20):  # the last ones are not there
        path = _path(number)
        yield f"GET {path}", lambda client, path=path: client.get(path)
        yield f"HEAD {path}", lambda client, path=path: client.head(path)
    queries = ["", "?reverse=true", "?delimiter=/", "?prefix=folder%202", "?limit=7&marker=folder"]
    for container in ("", "/one", "/two", "/three", "/none"):
        yield f"HEAD {container}", lambda client, path=container: client.head(path)
        for query in queries:
            target = f"{container}{query}{'&' if query else '?'}format=json"
            yield f"GET {target}", lambda client, path=target: client.request("GET", path)


def answers(cloud: RunningCloud, login_of: SwiftClient) -> dict[str, Answer | None]:
    """Ask everything; nothing stands for a refusal or a broken connection."""
    found: dict[str, Answer | None] = {}
    with SwiftClient(cloud, login_of.login) as client:
        for name, question in questions():
            try:
                answer = question(client)
            except Broken:
                found[name] = None
                continue
            headers = {key: value for key, value in answer.headers.items() if key not in _VOLATILE}
            found[name] = None if answer.status >= 500 else answer._replace(headers=headers)
    return found
