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


async def test_switching_versions_on_and_off_is_one_state_for_both_doors(
    swift: Swift, tester: Client
) -> None:
    await tester("PUT", "c")
    assert (await tester("HEAD", "c")).get("x-versions-enabled") is None
    for header, state, shown in (("true", "Enabled", "True"), ("false", "Suspended", "False")):
        assert (await tester("POST", "c", x_versions_enabled=header)).status == 204
        record = await swift.memory.store.container("AUTH_test", "c")
        assert record is not None
        assert record.values["x-s3-versioning"] == state
        assert (await tester("HEAD", "c"))["x-versions-enabled"] == shown
    await marks(swift, object_lock="Enabled", versioning="Enabled")
    assert (await tester("POST", "c", x_versions_enabled="false")).status == 409


async def test_single_versions_are_read_deleted_and_written_again(owner: Client) -> None:
    first = (await owner("PUT", "c", "a %", body=b"1"))["x-object-version-id"]
    second = (await owner("PUT", "c", "a %", body=b"22"))["x-object-version-id"]
    marker = (await owner("DELETE", "c", "a %"))["x-object-version-id"]
    assert len({first, second, marker}) == 3
    answer = await owner("GET", "c", "a %", query=f"version-id={first}")
    assert (answer.body, answer["x-object-version-id"]) == (b"1", first)
    gone = await owner("GET", "c", "a %", query=f"version-id={marker}")
    assert gone.status == 404
    assert gone["content-type"] == "application/x-deleted;swift_versions_deleted=1"
    restored = await owner("PUT", "c", "a %", query=f"version-id={first}")
    assert restored.status == 201
    now = await owner("GET", "c", "a %")
    assert (now.body, now["x-object-version-id"]) == (b"1", restored["x-object-version-id"])
    assert now["content-location"].startswith("/v1/AUTH_test/c/a%20%25?version-id=")
    again = restored["x-object-version-id"]
    deleted = await owner("DELETE", "c", "a %", query=f"version-id={again}")
    assert (deleted.status, deleted["x-object-version-id"]) == (204, again)
    missing = await owner("DELETE", "c", "a %", query=f"version-id={again}")
    assert missing.status == 404
    copied = await owner("COPY", "c", "a %", query=f"version-id={second}", destination="c/b")
    assert copied.status == 201
    assert (await owner("GET", "c", "b")).body == b"22"


async def test_all_versions_are_listed(owner: Client) -> None:
    puts = [await owner("PUT", "c", name, body=body) for name in "ab" for body in (b"1", b"22")]
    answers = [*puts, await owner("DELETE", "c", "a")]
    ids = [answer["x-object-version-id"] for answer in answers]
    expected = [("a", ids[4], True), ("a", ids[1], False), ("a", ids[0], False),
                ("b", ids[3], True), ("b", ids[2], False)]  # fmt: skip

    async def listed(query: str) -> list[tuple[str, str, bool]]:
        entries = (await owner("GET", "c", query=f"versions&{query}")).json
        return [(one["name"], one["version_id"], one["is_latest"]) for one in entries]

    assert await listed("") == expected
    assert await listed("reverse=yes") == expected[::-1]
    for place, (name, version, _) in enumerate(expected):
        marker = f"marker={name}&version_marker={version}"
        assert await listed(marker) == expected[place + 1 :]
        assert await listed(f"{marker}&reverse=yes") == expected[:place][::-1]
    assert await listed("marker=a") == expected[3:]
    assert await listed("marker=b&reverse=on&limit=2") == expected[1:3][::-1]
    marker_entry = (await owner("GET", "c", query="versions")).json[0]
    assert marker_entry["content_type"] == "application/x-deleted;swift_versions_deleted=1"
    for wrong in ("format=xml", "format=plain"):
        assert (await owner("GET", "c", query=f"versions&{wrong}")).status == 406


async def test_versions_of_static_large_objects(owner: Client) -> None:
    await owner("PUT", "c", "s1", body=b"1")
    await owner("PUT", "c", "s2", body=b"22")
    ids = []
    for segment in ("s1", "s2"):
        body = b'[{"path": "c/%b"}]' % segment.encode()
        answer = await owner("PUT", "c", "o", query="multipart-manifest=put", body=body)
        ids.append(answer["x-object-version-id"])
    for version, body in zip(ids, (b"1", b"22"), strict=True):
        query = f"version-id={version}"
        assert (await owner("GET", "c", "o", query=query)).body == body
        manifest = await owner("GET", "c", "o", query=f"{query}&multipart-manifest=get")
        assert manifest.json[0]["bytes"] == len(body)
    assert (await owner("PUT", "c", "o", query=f"version-id={ids[0]}")).status == 201
    assert (await owner("GET", "c", "o"))["x-static-large-object"] == "True"
    assert (await owner("GET", "c", "o")).body == b"1"


async def test_versions_are_the_owners(swift: Swift, owner: Client) -> None:
    version = (await owner("PUT", "c", "a", body=b"1"))["x-object-version-id"]
    await owner("POST", "c", x_container_read=".r:*,test:tester3", x_container_write="test:tester3")
    query = f"version-id={version}"
    anyone = await swift.anonymous.request("GET", owner.path("c", "a"), query=query)
    assert anyone.status == 401
    colleague = swift.clients["test:tester3"]
    assert (await colleague("GET", "c", "a")).body == b"1"
    assert (await colleague("GET", "c", "a", query=query)).status == 403
    assert (await colleague("DELETE", "c", "a", query=query)).status == 403


async def test_what_versions_cannot_do(owner: Client) -> None:
    await owner("PUT", "plain")
    await owner("PUT", "plain", "a", body=b"1")
    assert (await owner("GET", "plain", "a", query="version-id=null")).status == 200
    assert (await owner("GET", "plain", "a", query="version-id=" + "0" * 24)).status == 400
    version = (await owner("PUT", "c", "a", body=b"1"))["x-object-version-id"]
    for method, version_id, body, status in (
        ("POST", version, b"", 400),
        ("PUT", "null", b"", 400),
        ("PUT", version, b"x", 400),
        ("PUT", "0" * 24, b"", 404),
        ("GET", "x", b"", 400),
        ("GET", "1401234567.12345", b"", 404),
    ):
        answer = await owner(method, "c", "a", query=f"version-id={version_id}", body=body)
        assert answer.status == status, (method, version_id)
