"""Signature Version 2: AWS's published examples, botocore as the judge, and what is refused."""

from __future__ import annotations

import hmac
from base64 import b64encode
from urllib.parse import quote, urlencode, urlsplit

import pytest
from botocore.auth import HmacV1Auth, HmacV1QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from storage.s3.errors import S3Error
from storage.s3.signing import v2
from storage.s3.signing.payload import Payload
from storage.s3.signing.request import SignedRequest
from storage.s3.signing.scheme import read_claim
from storage.s3.signing.times import parse_http_date
from storage.s3.signing.v2 import ClaimV2

ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
Headers = list[tuple[bytes, bytes]]


def check(request: SignedRequest, now_s: int | None = None) -> ClaimV2:
    claim = read_claim(request, allow_v2=True)
    assert isinstance(claim, ClaimV2)
    if now_s is None:
        now_s = parse_http_date(request.values.get(b"date", b"")) or 0
    claim.check_terms(request, now_s, "anywhere")
    claim.check_signature(request, SECRET)
    return claim


def example(
    method: str,
    path: bytes,
    query: bytes,
    date: bytes,
    signature: str,
    *others: tuple[bytes, bytes],
) -> tuple[str, bytes, bytes, Headers]:
    headers = [(b"date", date)] if date else []
    authorization = f"AWS {ACCESS_KEY}:{signature}".encode()
    return method, path, query, [*headers, *others, (b"authorization", authorization)]


PUBLISHED = {
    "GET": example(
        "GET",
        b"/photos/puppy.jpg",
        b"",
        b"Tue, 27 Mar 2007 19:36:42 +0000",
        "bWq2s1WEIj+Ydj0vQ697zp+IXMU=",
    ),
    "PUT": example(
        "PUT",
        b"/photos/puppy.jpg",
        b"",
        b"Tue, 27 Mar 2007 21:15:45 +0000",
        "MyyxeRY7whkBe+bq8fHCL/2kKUg=",
        (b"content-type", b"image/jpeg"),
        (b"content-length", b"94328"),
    ),
    "list": example(
        "GET",
        b"/",
        b"prefix=photos&max-keys=50&marker=puppy",
        b"Tue, 27 Mar 2007 19:42:41 +0000",
        "htDYFYduRNen8P9ZfE/s9SuKy0U=",
    ),
    "sub-resource": example(
        "GET", b"/", b"acl", b"Tue, 27 Mar 2007 19:44:46 +0000", "c2WLPFtWHVgbEmeEG93a4cG37dM="
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_examples_of_a_bucket_in_the_host(name: str) -> None:
    method, path, query, headers = PUBLISHED[name]
    claim = check(SignedRequest(method, path, query, headers, b"johnsmith"))
    assert claim.access_key == ACCESS_KEY
    assert claim.payload is Payload.UNSIGNED


def test_published_example_without_a_bucket() -> None:
    date, signature = b"Wed, 28 Mar 2007 01:29:59 +0000", "qGdzdERIC03wnaRNKh6OqZehG9s="
    method, path, query, headers = example("GET", b"/", b"", date, signature)
    check(SignedRequest(method, path, query, headers))


def test_published_example_of_a_path_as_sent() -> None:
    method, path, query, headers = example(
        "GET",
        b"/dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re",
        b"",
        b"Wed, 28 Mar 2007 01:49:49 +0000",
        "DNEZGsoieTZ92F3bUfSPQcbGmlM=",
    )
    check(SignedRequest(method, path, query, headers))


PRESIGNED = (
    f"AWSAccessKeyId={ACCESS_KEY}&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620"
).encode()


def test_published_presigned_example() -> None:
    request = SignedRequest("GET", b"/photos/puppy.jpg", PRESIGNED, [], b"johnsmith")
    check(request, 1175139620)
    with pytest.raises(S3Error, match="Request has expired"):
        check(request, 1175139621)


TEXTS = st.text("ab é/+&=%", max_size=6)


@given(
    key=st.text("ab é/+", min_size=1, max_size=10),
    parameters=st.dictionaries(
        st.sampled_from(["acl", "uploadId", "partNumber", "prefix", "response-content-type"]),
        TEXTS.filter(bool),
    ),
    headers=st.dictionaries(
        st.sampled_from(["x-amz-meta-a", "x-amz-acl", "content-type", "content-md5"]),
        st.text("ab ,", min_size=1, max_size=5),
    ),
    is_presigned=st.booleans(),
    token=st.none() | st.just("token/+="),
)
def test_botocore_agrees(
    key: str,
    parameters: dict[str, str],
    headers: dict[str, str],
    is_presigned: bool,
    token: str | None,
) -> None:
    query = urlencode(parameters, quote_via=quote)
    credentials = Credentials(ACCESS_KEY, SECRET, token)
    url = f"http://h/bucket/{quote(key)}?{query}"
    request = AWSRequest(method="PUT", url=url, headers=headers)
    auth = HmacV1QueryAuth(credentials, 60) if is_presigned else HmacV1Auth(credentials)
    auth.add_auth(request)
    parts = urlsplit(request.url)
    sent = [(name.lower().encode(), value.encode()) for name, value in request.headers.items()]
    if is_presigned:  # then the query carries these
        sent = []
    received = SignedRequest("PUT", parts.path.encode(), parts.query.encode(), sent)
    claim = check(received)
    assert claim.token == (token or "")
    names = {name.lower().encode() for name in request.headers if name != "Date"}
    assert claim.hoisted().keys() == (names if is_presigned else set())


def test_what_clients_sign_of_a_query() -> None:
    assert {name.decode() for name in v2._SUBRESOURCES} == set(HmacV1Auth.QSAOfInterest)


def test_an_amazon_date_takes_the_place_of_the_other() -> None:
    date = b"Tue, 27 Mar 2007 21:20:26 +0000"
    text = b"DELETE\n\n\n\nx-amz-date:" + date + b"\n/johnsmith/photos/puppy.jpg"
    signature = b64encode(hmac.digest(SECRET.encode(), text, "sha1")).decode()
    other = b"Tue, 27 Mar 2007 21:20:27 +0000"
    method, path, query, headers = example(
        "DELETE", b"/photos/puppy.jpg", b"", other, signature, (b"x-amz-date", date)
    )
    check(SignedRequest(method, path, query, headers, b"johnsmith"))


def test_it_can_be_switched_off() -> None:
    for query, headers in ((PRESIGNED, []), (b"", PUBLISHED["GET"][3])):
        with pytest.raises(S3Error, match="Please use AWS4-HMAC-SHA256"):
            read_claim(SignedRequest("GET", b"/", query, headers), allow_v2=False)


@pytest.mark.parametrize(
    "query",
    [
        b"AWSAccessKeyId=a",
        b"AWSAccessKeyId=a&Signature=b",
        b"AWSAccessKeyId=a&Signature=b&Expires=soon",
        b"AWSAccessKeyId=a&Signature=b&Expires=999999999999",
        b"AWSAccessKeyId=&Signature=b&Expires=1",
    ],
)
def test_malformed_queries(query: bytes) -> None:
    with pytest.raises(S3Error) as caught:
        read_claim(SignedRequest("GET", b"/", query, []), allow_v2=True)
    assert caught.value.code == "AccessDenied"


@pytest.mark.parametrize("value", [b"AWS ", b"AWS a", b"AWS a:", b"AWS :b", b"AWS a b:c"])
def test_malformed_headers(value: bytes) -> None:
    with pytest.raises(S3Error) as caught:
        read_claim(SignedRequest("GET", b"/", b"", [(b"authorization", value)]), allow_v2=True)
    assert caught.value.code == "InvalidArgument"


def test_the_clock() -> None:
    method, path, query, headers = PUBLISHED["GET"]
    request = SignedRequest(method, path, query, headers, b"johnsmith")
    sent_s = parse_http_date(b"Tue, 27 Mar 2007 19:36:42 +0000")
    assert sent_s is not None
    check(request, sent_s + 900)
    with pytest.raises(S3Error) as caught:
        check(request, sent_s + 901)
    assert caught.value.code == "RequestTimeTooSkewed"
    for undated in (headers[1:], [*headers, (b"x-amz-date", b"")]):
        with pytest.raises(S3Error) as caught:
            check(SignedRequest(method, path, query, undated), sent_s)
        assert caught.value.code == "AccessDenied"


@pytest.mark.parametrize("name", PUBLISHED)
def test_another_signature(name: str) -> None:
    method, path, query, headers = PUBLISHED[name]
    with pytest.raises(S3Error) as caught:
        check(SignedRequest(method, path + b"x", query, headers, b"johnsmith"))
    assert caught.value.code == "SignatureDoesNotMatch"
    assert caught.value.extra["AWSAccessKeyId"] == ACCESS_KEY
