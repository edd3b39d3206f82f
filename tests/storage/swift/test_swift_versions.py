"""Writes through this door into a container that the other door keeps versions of."""

import pytest
from swift_harness import Client, Swift

from storage.container.versions import VersionQuery
from storage.object.lock import MODE, UNTIL


async def marks(swift: Swift, **values: str) -> None:
    """Set what S3 notes of the container."""
    noted = {"x-s3-" + name.replace("_", "-"): value for name, value in values.items()}
    await swift.memory.store.update_container("AUTH_test", "c", noted)


async def versions(swift: Swift) -> list[tuple[str, bool, bool]]:
    """Return name, whether it is the latest and whether it marks a deletion, of each version."""
    record = await swift.memory.store.container("AUTH_test", "c")
    assert record is not None
    entries = await swift.memory.store.list_versions(record, VersionQuery())
    return [(one.name, one.is_latest, one.is_delete_marker) for one in entries]


@pytest.fixture
async def owner(swift: Swift, tester: Client) -> Client:
    await tester("PUT", "c")
    await marks(swift, versioning="Enabled")
    return tester


async def test_puts_copies_and_deletes_keep_versions(swift: Swift, owner: Client) -> None:
    await owner("PUT", "c", "a", body=b"1")
    await owner("PUT", "c", "a", body=b"2")
    await owner("COPY", "c", "a", destination="c/a")
    assert await versions(swift) == [("a", True, False), ("a", False, False), ("a", False, False)]
    assert (await owner("DELETE", "c", "a")).status == 204
    assert (await owner("GET", "c", "a")).status == 404
    assert await versions(swift) == [("a", True, True), *[("a", False, False)] * 3]


async def test_bulk_deletes_keep_versions(swift: Swift, owner: Client) -> None:
    await owner("PUT", "c", "a", body=b"1")
    headers = {"accept": "application/json"}
    answer = await owner.request("POST", "/v1/AUTH_test", headers, b"c/a", query="bulk-delete")
    assert answer.json["Number Deleted"] == 1
    assert await versions(swift) == [("a", True, True), ("a", False, False)]


async def test_to_delete_nothing_leaves_a_mark(swift: Swift, owner: Client) -> None:
    assert (await owner("DELETE", "c", "a")).status == 404
    assert await versions(swift) == [("a", True, True)]


async def test_new_objects_get_the_retention_of_the_bucket(swift: Swift, owner: Client) -> None:
    await marks(swift, object_lock="Enabled", object_lock_default="COMPLIANCE 1 Days")
    await owner("PUT", "c", "a", body=b"1")
    record = await swift.memory.store.container("AUTH_test", "c")
    assert record is not None
    found = await swift.memory.store.object(record, "a")
    assert found is not None
    now_s = swift.memory.world.clock.wall_ns() / 1e9
    assert found.system[MODE] == "COMPLIANCE"
    assert abs(int(found.system[UNTIL]) - now_s - 86400) <= 1
