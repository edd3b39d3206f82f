"""What another front door's rules forbid stays forbidden in operations on many objects."""

import io
import tarfile

import pytest
from swift_harness import Client, Swift

from storage.auth.authenticator import Identity
from storage.container.record import ContainerRecord
from storage.swift.response import SwiftError


class SecretsVeto:
    """Forbids everything about names that begin with "secret"."""

    async def forbids(
        self, container: ContainerRecord, identity: Identity | None, action: str, key: str
    ) -> bool:
        return key.startswith("secret")


@pytest.fixture
async def owner(swift: Swift, tester: Client) -> Client:
    """The owner of a container that everybody reads and a colleague writes, but for secrets."""
    swift.app._gate._veto = SecretsVeto()
    await tester("PUT", "c", x_container_write="test:tester3", x_container_read=".r:*,.rlistings")
    for name in ("a", "secret", "z"):
        await tester("PUT", "c", name, body=name.encode())
    return tester


async def test_a_bulk_delete_asks_about_each_name(swift: Swift, owner: Client) -> None:
    headers = {"accept": "application/json"}
    answer = await swift.clients["test:tester3"].request(
        "POST", "/v1/AUTH_test", headers, b"c/a\nc/secret\nc/z", query="bulk-delete"
    )
    assert answer.json["Errors"] == [["c/secret", "403 Forbidden"]]
    assert (await owner("GET", "c")).lines == ["secret"]


async def test_a_bulk_upload_asks_about_each_name(swift: Swift, owner: Client) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in ("a", "secret", "z"):
            member = tarfile.TarInfo(f"c/{name}")
            member.size = 3
            tar.addfile(member, io.BytesIO(b"new"))
    answer = await swift.clients["test:tester3"].request(
        "PUT",
        "/v1/AUTH_test",
        {"accept": "application/json"},
        buffer.getvalue(),
        query="extract-archive=tar",
    )
    assert answer.json["Errors"] == [["c/secret", "403 Forbidden"]]
    assert [(await owner("GET", "c", name)).body for name in ("a", "secret", "z")] == [
        b"new",
        b"secret",
        b"new",
    ]


async def test_segments_are_asked_about_each(swift: Swift, owner: Client) -> None:
    await owner("PUT", "c", "all", x_object_manifest="c/secret")
    await owner("PUT", "c", "z/1", body=b"1")
    await owner("PUT", "c", "some", x_object_manifest="c/z")
    assert (await owner("GET", "c", "all")).body == b"secret"
    assert (await swift.anonymous.request("GET", owner.path("c", "some"))).body == b"z1"
    assert (await swift.anonymous.request("GET", owner.path("c", "all"))).status == 401


async def test_a_segment_that_is_forbidden_breaks_the_response_off(
    swift: Swift, owner: Client
) -> None:
    await owner("PUT", "c", "s1", body=b"1")
    await owner("PUT", "c", "most", x_object_manifest="c/s")
    segments = (await owner("GET", "c", query="prefix=s")).lines
    assert segments == ["s1", "secret"]
    with pytest.raises(SwiftError):
        await swift.anonymous.request("GET", owner.path("c", "most"))
