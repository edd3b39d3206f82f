"""Who asks: signatures in headers and queries, nobody at all, and what is refused."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from s3_harness import HOST, S3, ApiError, Client, s3_api

from storage.s3.settings import S3Settings


@pytest.fixture
async def bucket(tester: Client) -> str:
    await tester.call("CreateBucket", Bucket="photos")
    await tester.call("PutObject", Bucket="photos", Key="a", Body=b"x")
    return "photos"


async def test_nobody_may_do_nothing(s3: S3, bucket: str) -> None:
    for method, path in (("GET", "/"), ("GET", "/photos"), ("GET", "/photos/a"), ("PUT", "/new1")):
        answer = await s3.anonymous.request(method, path)
        assert (answer.status, answer.code) == (403, "AccessDenied")
    assert (await s3.anonymous.request("GET", "/nothing")).code == "NoSuchBucket"


async def test_others_may_do_nothing_and_operators_all(s3: S3, bucket: str) -> None:
    for user in ("other:admin", "test:member"):
        with pytest.raises(ApiError) as error:
            await s3.clients[user].call("GetObject", Bucket=bucket, Key="a")
        assert (error.value.status, error.value.code) == (403, "AccessDenied")
    found = await s3.clients["ops:root"].call("GetObject", Bucket=bucket, Key="a")
    assert found["Body"].read() == b"x"


async def test_an_unknown_key(s3: S3, bucket: str) -> None:
    answer = await Client(s3, "UNKNOWN", "secret").request("GET", "/photos/a")
    assert (answer.status, answer.code) == (403, "InvalidAccessKeyId")
    assert answer.xml("Error").value("AWSAccessKeyId") == "UNKNOWN"


async def test_a_wrong_secret(s3: S3, tester: Client, bucket: str) -> None:
    answer = await Client(s3, tester.access_key, "wrong").request("GET", "/photos/a")
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
    head = await Client(s3, tester.access_key, "wrong").request("HEAD", "/photos/a")
    assert (head.status, head.body) == (403, b"")


async def test_a_signature_is_checked_before_anything_is_told(s3: S3, tester: Client) -> None:
    wrong = Client(s3, tester.access_key, "wrong")
    assert (await wrong.request("GET", "/nothing")).code == "SignatureDoesNotMatch"
    assert (await wrong.request("GET", "/nothing", "torrent")).status == 501


async def test_a_request_of_yesterday(s3: S3, tester: Client, bucket: str) -> None:
    path, query = "/photos/a", tester.presign("GET", "/photos/a", expires_s=60)
    assert (await s3.send("GET", path, query, {"host": HOST})).body == b"x"
    s3.memory.world.clock.offset_ns += 61 * 10**9  # type: ignore[attr-defined]
    answer = await s3.send("GET", path, query, {"host": HOST})
    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert "expired" in (answer.xml("Error").value("Message") or "")


async def test_one_parameter_more_breaks_a_presigned_request(
    s3: S3, tester: Client, bucket: str
) -> None:
    query = tester.presign("GET", "/photos/a")
    answer = await s3.send("GET", "/photos/a", query + "&versionId=null", {"host": HOST})
    assert answer.code == "SignatureDoesNotMatch"
    answer = await s3.send("DELETE", "/photos/a", query, {"host": HOST})
    assert answer.code == "SignatureDoesNotMatch"


async def test_a_body_of_another_hash_is_not_stored(s3: S3, tester: Client, bucket: str) -> None:
    path = "/photos/b"
    headers = tester.sign("PUT", path, "", {"host": HOST}, b"right")
    for body, length in ((b"wrong", "5"), (b"", "0")):
        sent = {**headers, "content-length": length}
        answer = await s3.send("PUT", path, "", sent, [body])
        assert (answer.status, answer.code) == (400, "XAmzContentSHA256Mismatch")
    assert (await tester.request("GET", path)).status == 404
    sent = {**headers, "content-length": "5"}
    assert (await s3.send("PUT", path, "", sent, [b"right"])).status == 200


@pytest.mark.parametrize("pieces", [[b"ri"], [b"right", b"more"]])
async def test_a_body_of_another_length_is_not_stored(
    s3: S3, tester: Client, bucket: str, pieces: list[bytes]
) -> None:
    path = "/photos/b"
    headers = tester.sign("PUT", path, "", {"host": HOST}, b"right")
    answer = await s3.send("PUT", path, "", {**headers, "content-length": "5"}, pieces)
    assert (answer.status, answer.code) == (400, "IncompleteBody")
    assert (await tester.request("GET", path)).status == 404


async def test_a_body_that_breaks_off_is_not_stored(s3: S3, tester: Client, bucket: str) -> None:
    path = "/photos/b"
    headers = tester.sign("PUT", path, "", {"host": HOST}, b"right")
    sent = {**headers, "content-length": "5"}
    answer = await s3.send("PUT", path, "", sent, [b"ri"], breaks=True)
    assert (answer.status, answer.code) == (400, "IncompleteBody")
    assert (await tester.request("GET", path)).status == 404


async def test_two_signatures_at_once(s3: S3, tester: Client, bucket: str) -> None:
    query = tester.presign("GET", "/photos/a")
    answer = await tester.request("GET", "/photos/a", query)
    assert (answer.status, answer.code) == (400, "InvalidArgument")


async def test_a_token_that_nobody_gave(tester: Client, bucket: str) -> None:
    answer = await tester.request("GET", "/photos/a", headers={"x-amz-security-token": "forged"})
    assert (answer.status, answer.code) == (400, "InvalidToken")


async def test_version_2_can_be_switched_off(s3: S3, bucket: str) -> None:
    headers = {"host": HOST, "authorization": "AWS KEY:c2lnbmF0dXJl", "date": "now"}
    answer = await s3.send("GET", "/photos/a", "", headers)
    assert answer.code == "InvalidAccessKeyId"
    async with s3_api(S3Settings(signature_v2=False)) as strict:
        answer = await strict.send("GET", "/photos/a", "", headers)
        assert (answer.status, answer.code) == (400, "InvalidRequest")


async def test_errors_name_what_they_are_about(tester: Client, bucket: str) -> None:
    key = "\u00e9<&>"
    answer = await tester.request("GET", f"/photos/{quote(key)}")
    assert (answer.status, answer.code) == (404, "NoSuchKey")
    assert answer.xml("Error").value("Key") == key
    assert answer["content-type"] == "application/xml"


async def test_ids_are_new_with_every_request(s3: S3) -> None:
    answers = [await s3.anonymous.request("GET", "/nothing") for _ in range(3)]
    assert len({answer["x-amz-request-id"] for answer in answers}) == 3
    assert len({answer["x-amz-id-2"] for answer in answers}) == 1
