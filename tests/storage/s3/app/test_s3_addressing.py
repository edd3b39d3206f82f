"""What a request addresses, and which front door it is for."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3_harness import S3, Client

from storage.front import Front
from storage.s3.addressing import Address, Addressing, read_address
from storage.s3.errors import S3Error
from storage.s3.operations import Level

ADDRESSING = Addressing(("s3.localhost", "localhost", "store.example"))


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        (b"", ""),
        (b"localhost", ""),
        (b"localhost:8080", ""),
        (b"photos.localhost:8080", "photos"),
        (b"photos.s3.localhost", "photos"),
        (b"my.photos.s3.localhost:1", "my.photos"),
        (b"PHOTOS.S3.LOCALHOST", "photos"),
        (b"photos.store.example.", "photos"),
        (b"s3.localhost", ""),
        (b"127.0.0.1:8080", ""),
        (b"[::1]:8080", ""),
        (b"elsewhere.example", ""),
        (b"notlocalhost", ""),
    ],
)
def test_buckets_in_hosts(host: bytes, bucket: str) -> None:
    assert ADDRESSING.bucket_of_host(host) == bucket


@pytest.mark.parametrize(
    ("host_bucket", "path", "address"),
    [
        ("", b"/", Address(Level.SERVICE, "", "")),
        ("", b"*", Address(Level.SERVICE, "", "")),
        ("", b"/photos", Address(Level.BUCKET, "photos", "")),
        ("", b"/photos/", Address(Level.BUCKET, "photos", "")),
        ("", b"/photos/a/b", Address(Level.OBJECT, "photos", "a/b")),
        ("", b"/photos//a", Address(Level.OBJECT, "photos", "/a")),
        ("", b"/photos/a%2Fb+c%20d", Address(Level.OBJECT, "photos", "a/b+c d")),
        ("", b"/photos/../a/./b", Address(Level.OBJECT, "photos", "../a/./b")),
        ("photos", b"/", Address(Level.BUCKET, "photos", "")),
        ("photos", b"/v1/AUTH_test", Address(Level.OBJECT, "photos", "v1/AUTH_test")),
        ("photos", b"//", Address(Level.OBJECT, "photos", "/")),
    ],
)
def test_paths(host_bucket: str, path: bytes, address: Address) -> None:
    assert read_address(host_bucket, path) == address


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (b"//key", "InvalidURI"),
        (b"/photos/%FF", "InvalidURI"),
        (b"/photos/a%00b", "InvalidURI"),
        (b"/pho%00tos", "InvalidURI"),
        (b"/photos/" + b"a" * 1025, "KeyTooLongError"),
        (b"/photos/" + quote("\U0001f600" * 257).encode(), "KeyTooLongError"),
    ],
)
def test_wrong_paths(path: bytes, code: str) -> None:
    with pytest.raises(S3Error) as error:
        read_address("", path)
    assert error.value.code == code


@given(
    st.text(
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=200
    )
)
def test_every_key_can_be_addressed(key: str) -> None:
    assert read_address("", b"/photos/" + quote(key).encode()).key == key
    assert read_address("photos", b"/" + quote(key, safe="").encode()).key == key


async def test_a_bucket_in_the_host(tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    host = "photos.s3.localhost:8080"
    put = await tester.request("PUT", "/v1/AUTH_test/a", body=b"x", host=host)
    assert put.status == 200
    assert (await tester.request("GET", "/v1/AUTH_test/a", host=host)).body == b"x"
    listed = await tester.request("GET", "/", host=host)
    assert listed.xml("ListBucketResult").value("Name") == "photos"
    plain = await tester.request("GET", "/photos/v1/AUTH_test/a")
    assert plain.body == b"x"


class Door:
    """Takes note that it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1


SIGNED = {b"authorization": b"AWS4-HMAC-SHA256 Credential=x"}


@pytest.mark.parametrize(
    ("path", "headers", "query", "is_s3"),
    [
        (b"/v1/AUTH_test/c/o", {}, b"", False),
        (b"/v1.0/AUTH_test", {}, b"", False),
        (b"/v1", {}, b"", False),
        (b"/info", {}, b"", False),
        (b"/healthcheck", {}, b"", False),
        (b"/auth/v1.0", {}, b"", False),
        (b"/auth/v1.0/", {}, b"", False),
        (b"/v1/AUTH_test/c/o", {b"authorization": b"Bearer x"}, b"", False),
        (b"/v1/AUTH_test/c/o", {}, b"temp_url_sig=1", False),
        (b"/v1/AUTH_test/c/o", {b"host": b"localhost"}, b"", False),
        (b"/", {}, b"", True),
        (b"/v1x/a", {}, b"", True),
        (b"/information", {}, b"", True),
        (b"/photos/v1/a", {}, b"", True),
        (b"/info", SIGNED, b"", True),
        (b"/info", {b"authorization": b"AWS key:signature"}, b"", True),
        (b"/v1/AUTH_test/c/o", SIGNED, b"", True),
        (b"/v1/AUTH_test/c/o", {}, b"X-Amz-Signature=1", True),
        (b"/v1/AUTH_test/c/o", {}, b"AWSAccessKeyId=1&Signature=2", True),
        (b"/v1/AUTH_test/c/o", {b"host": b"photos.localhost:8080"}, b"", True),
    ],
)
async def test_doors(path: bytes, headers: dict[bytes, bytes], query: bytes, is_s3: bool) -> None:
    swift, s3 = Door(), Door()
    front = Front(swift, s3, ADDRESSING.bucket_of_host, lambda: b"")
    scope = {
        "type": "http",
        "raw_path": path,
        "headers": list(headers.items()),
        "query_string": query,
    }

    async def unused(*_: object) -> Any:
        raise AssertionError

    await front(scope, unused, unused)
    assert (swift.asked, s3.asked) == ((0, 1) if is_s3 else (1, 0))


async def test_parameters_that_are_not_utf8(s3: S3, tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    answer = await s3.anonymous.request("GET", "/photos", "prefix=%FF")
    assert (answer.status, answer.code) == (400, "InvalidURI")
