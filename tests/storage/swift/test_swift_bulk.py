"""Bulk operations: many objects by one request."""

import bz2
import gzip
import io
import json
import tarfile
from typing import Any

import pytest
import trio
from swift_harness import Client, Swift, swift_api

from storage.swift import slow_answer
from storage.swift.settings import SwiftSettings


def archive(*files: tuple[str, bytes], **pax: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.pax_headers = pax
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


async def extract(
    client: Client, data: bytes, path: str = "", kind: str = "tar", **headers: str
) -> dict[str, Any]:
    given = {"accept": "application/json"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    answer = await client.request(
        "PUT", f"/v1/AUTH_test{path}", given, data, query=f"extract-archive={kind}"
    )
    assert (answer.status, answer["content-type"]) == (200, "application/json; charset=UTF-8")
    report: dict[str, Any] = answer.json
    return report


async def delete(client: Client, *names: str, method: str = "POST") -> dict[str, Any]:
    answer = await client.request(
        method,
        "/v1/AUTH_test",
        {"accept": "application/json", "content-type": "text/plain"},
        "\n".join(names).encode(),
        query="bulk-delete",
    )
    assert answer.status == 200
    report: dict[str, Any] = answer.json
    return report


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.bz2", ".TAR"])
async def test_an_archive_becomes_objects(tester: Client, kind: str) -> None:
    data = archive(("c/a", b"1"), ("./d/é", b"22"), ("/c/b/c", b"3" * 100_000), ("base", b"x"))
    packed = {"tar.gz": gzip.compress(data), "tar.bz2": bz2.compress(data)}.get(kind, data)
    assert await extract(tester, packed, kind=kind) == {
        "Response Status": "201 Created",
        "Response Body": "",
        "Number Files Created": 3,
        "Errors": [],
    }
    assert (await tester("GET")).lines == ["c", "d"]
    assert (await tester("GET", "c", "a")).body == b"1"
    assert (await tester("GET", "d", "é")).body == b"22"
    assert (await tester("GET", "c", "b/c")).body == b"3" * 100_000


async def test_an_archive_below_a_path(tester: Client) -> None:
    await tester("PUT", "c")
    report = await extract(tester, archive(("x/y", b"1"), ("z", b"2")), "/c/in/here/")
    assert report["Number Files Created"] == 2
    assert (await tester("GET", "c")).lines == ["in/here/x/y", "in/here/z"]


async def test_metadata_of_request_and_archive(tester: Client) -> None:
    data = archive(
        ("c/o.txt", b"1"),
        **{
            "SCHILY.xattr.user.meta.Lunch": "burger é",
            "LIBARCHIVE.xattr.user.meta.b": "2",
            "SCHILY.xattr.user.mime_type": "text/x-mine",
            "SCHILY.xattr.user.stuff": "whee",
        },
    )
    await extract(tester, data, x_delete_after="100", x_object_meta_all="3", x_other="4")
    stored = await tester("HEAD", "c", "o.txt")
    assert stored.meta("x-object-meta-") == {"lunch": "burger é", "b": "2", "all": "3"}
    assert stored["content-type"] == "text/x-mine"
    assert stored.get("x-delete-at")
    await extract(tester, archive(("c/p.txt", b"1")), content_type="application/x-tar")
    assert (await tester("HEAD", "c", "p.txt"))["content-type"] == "text/plain"


async def test_of_two_members_with_one_name_the_later_stays(tester: Client) -> None:
    files = [("c/o", b"%d" % number) for number in range(50)]
    await extract(tester, archive(*files, ("c/o", b"last")))
    assert (await tester("GET", "c", "o")).body == b"last"


async def test_names_mean_nothing_to_the_server(tester: Client) -> None:
    buffer = io.BytesIO(archive(("c/../../etc/passwd", b"1"), ("//c/x", b"2")))
    report = await extract(tester, buffer.getvalue())
    assert report["Number Files Created"] == 2
    assert (await tester("GET", "c")).lines == ["../../etc/passwd", "x"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "Invalid Tar File: empty file"),
        (b"no archive at all" * 100, "Invalid Tar File: "),
        (archive(("c/o", b"x" * 1000))[:900], "Invalid Tar File: unexpected end of data"),
        (archive(("base", b"x")), "Invalid Tar File: No Valid Files"),
        (archive(), "Invalid Tar File: No Valid Files"),
    ],
)
async def test_what_is_no_archive_stores_nothing(tester: Client, data: bytes, text: str) -> None:
    report = await extract(tester, data)
    assert report["Response Status"] == "400 Bad Request"
    assert report["Response Body"].startswith(text)
    assert all([(await tester("GET", name)).lines == [] for name in (await tester("GET")).lines])


async def test_what_fails_is_reported_and_the_rest_goes_on(tester: Client) -> None:
    data = archive(("c/" + "n" * 1025, b"1"), ("c/good", b"2"), ("k" * 257 + "/o", b"3"))
    report = await extract(tester, data)
    assert report["Response Status"] == "400 Bad Request"
    assert report["Number Files Created"] == 1
    statuses = sorted(status for _, status in report["Errors"])
    assert statuses == ["400 Bad Request", "404 Not Found"]


async def test_who_may_not_is_told_so(swift: Swift, tester: Client) -> None:
    await tester("PUT", "open", x_container_write="test:tester3")
    await tester("PUT", "closed")
    data = archive(("open/a", b"1"), ("closed/b", b"2"), ("new/c", b"3"))
    other = swift.clients["test:tester3"]
    report = await extract(other, data)
    assert report["Number Files Created"] == 1
    assert sorted(report["Errors"]) == [["closed/b", "403 Forbidden"], ["new/c", "403 Forbidden"]]
    report = await extract(swift.anonymous, data)
    assert report["Response Status"] == "401 Unauthorized"
    assert (await tester("GET")).lines == ["closed", "open"]


async def test_an_unknown_kind_of_archive(tester: Client) -> None:
    answer = await tester("PUT", query="extract-archive=zip", body=b"")
    assert (answer.status, answer.body) == (400, b"Unsupported archive format")


async def test_objects_go_first_then_containers(tester: Client) -> None:
    await extract(tester, archive(("c/a b", b"1"), ("c/é", b"2"), ("d/x", b"3")))
    assert await delete(tester, "/c", "c/a%20b", "/c/%C3%A9", "c/none", "", "none/x", "d") == {
        "Response Status": "400 Bad Request",
        "Response Body": "",
        "Number Deleted": 3,
        "Number Not Found": 2,
        "Errors": [["d", "409 Conflict"]],
    }
    assert (await tester("GET")).lines == ["d"]
    assert (await delete(tester, "d/x", "d", method="DELETE"))["Number Deleted"] == 2


async def test_the_other_forms_of_a_report(tester: Client) -> None:
    async def ask(accept: str) -> tuple[str, bytes]:
        answer = await tester.request(
            "POST", "/v1/AUTH_test", {"accept": accept}, b"c%3Ca/o\n%FF", query="bulk-delete"
        )
        return answer["content-type"], answer.body

    assert await ask("text/plain") == (
        "text/plain; charset=UTF-8",
        (
            b"Number Deleted: 0\nNumber Not Found: 1\nResponse Body: \n"
            b"Response Status: 400 Bad Request\nErrors:\n%FF, 412 Precondition Failed\n"
        ),
    )
    assert await ask("text/xml") == (
        "text/xml; charset=UTF-8",
        (
            b'<?xml version="1.0" encoding="UTF-8"?>\n'
            b"<delete>\n<number_deleted>0</number_deleted>\n"
            b"<number_not_found>1</number_not_found>\n<response_body></response_body>\n"
            b"<response_status>400 Bad Request</response_status>\n<errors>\n"
            b"<object><name>%FF</name><status>412 Precondition Failed</status></object>\n"
            b"</errors>\n</delete>\n"
        ),
    )
    assert b"Response Status: 406 Not Acceptable" in (await ask("image/png"))[1]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, None, "411 Length Required"),
        ({"content-type": "application/json"}, b"c/o", "406 Not Acceptable"),
        ({}, b"", "400 Bad Request"),
        ({}, b"\n\n", "400 Bad Request"),
        ({}, b"x" * 5000, "400 Bad Request"),
        ({}, b"a/b\n" * 10_001, "413 Request Entity Too Large"),
    ],
)
async def test_what_is_no_list_of_names(
    tester: Client, headers: dict[str, str], body: bytes | None, status: str
) -> None:
    answer = await tester.request(
        "POST", "/v1/AUTH_test", headers | {"accept": "application/json"}, body, query="bulk-delete"
    )
    assert answer.json["Response Status"] == status


async def test_deletions_need_the_right_to(swift: Swift, tester: Client) -> None:
    await extract(tester, archive(("c/o", b"1")))
    for client, status in (
        (swift.anonymous, "401 Unauthorized"),
        (swift.clients["test:tester3"], "403 Forbidden"),
    ):
        assert (await delete(client, "c/o", "c"))["Errors"] == [["c/o", status], ["c", status]]
    assert (await tester("GET", "c", "o")).status == 200


async def test_limits_hold() -> None:
    settings = SwiftSettings(
        bulk_upload_containers_max=2, bulk_delete_failures_max=2, bulk_upload_failures_max=1
    )
    async with swift_api(settings) as swift:
        tester = swift.clients["test:tester"]
        report = await extract(tester, archive(*((f"c{n}/o", b"x") for n in range(3))))
        assert report["Response Body"] == "More than 2 containers to create from tar."
        assert report["Number Files Created"] == 2
        report = await delete(tester, "c0", "c1", "c0/", "c0")
        assert report["Response Body"] == "Max delete failures exceeded"


async def test_white_space_keeps_the_connection_alive(
    tester: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await extract(tester, archive(("c/o", b"1")))
    monkeypatch.setattr(slow_answer, "HEARTBEAT_INTERVAL_S", 0.01)
    real_delete = tester.app._bulk_delete._engine.delete_object

    async def slow_delete(*args: object, **options: object) -> object:
        await trio.sleep(0.05)
        return await real_delete(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(tester.app._bulk_delete._engine, "delete_object", slow_delete)
    answer = await tester.request(
        "POST", "/v1/AUTH_test", {"accept": "application/json"}, b"c/o", query="bulk-delete"
    )
    white, _, report = answer.body.partition(b"\r\n\r\n")
    assert len(white) > 1
    assert not white.strip()
    assert json.loads(report)["Number Deleted"] == 1
    assert answer.get("content-length") is None
