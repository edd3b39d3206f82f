"""Signature Version 4: AWS's published examples, botocore as the judge, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import botocore.auth
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from storage.s3.errors import S3Error
from storage.s3.signing.payload import EMPTY_SHA256, Payload, declared_payload
from storage.s3.signing.request import SignedRequest, encode_path, query_pairs
from storage.s3.signing.scheme import Claim, read_claim
from storage.s3.signing.v4 import ClaimV4

ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
REGION = "us-east-1"
NOW_S = int(datetime(2013, 5, 24, tzinfo=UTC).timestamp())
STAMP = b"20130524T000000Z"
SCOPE = f"{ACCESS_KEY}/20130524/{REGION}/s3/aws4_request"
Headers = list[tuple[bytes, bytes]]


@pytest.fixture(scope="module", autouse=True)
def _botocore_lives_then() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        now = datetime.fromtimestamp(NOW_S, UTC).replace(tzinfo=None)
        patch.setattr(botocore.auth, "get_current_datetime", lambda *_args, **_kwargs: now)
        yield


def check(request: SignedRequest, now_s: int = NOW_S, service: str = "s3") -> ClaimV4:
    """Go all the way, as the front door does."""
    claim = read_claim(request, allow_v2=False)
    assert isinstance(claim, ClaimV4)
    claim.check_terms(request, now_s, REGION, service)
    if claim.access_key not in (ACCESS_KEY, "k", "a"):
        raise S3Error("InvalidAccessKeyId")
    claim.check_signature(request, SECRET)
    return claim


def refusal(action: Callable[[], object]) -> S3Error:
    with pytest.raises(S3Error) as caught:
        action()
    return caught.value


def with_authorization(
    headers: Headers, signature: str, signed: str | None = None, scope: str = SCOPE
) -> Headers:
    signed = signed or ";".join(sorted(name.decode() for name, _ in headers))
    value = f"AWS4-HMAC-SHA256 Credential={scope},SignedHeaders={signed},Signature={signature}"
    return [*headers, (b"authorization", value.encode())]


HOST = (b"host", b"examplebucket.s3.amazonaws.com")
EMPTY = (b"x-amz-content-sha256", EMPTY_SHA256)
DATE = (b"x-amz-date", STAMP)
PUT_SHA256 = b"44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
PUBLISHED = {
    "GET object": (
        "GET",
        b"/test.txt",
        b"",
        [HOST, (b"range", b"bytes=0-9"), EMPTY, DATE],
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    "PUT object": (
        "PUT",
        b"/test$file.text",
        b"",
        [
            (b"date", b"Fri, 24 May 2013 00:00:00 GMT"),
            HOST,
            (b"x-amz-content-sha256", PUT_SHA256),
            DATE,
            (b"x-amz-storage-class", b"REDUCED_REDUNDANCY"),
        ],
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ),
    "GET bucket lifecycle": (
        "GET",
        b"/",
        b"lifecycle",
        [HOST, EMPTY, DATE],
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
    "list objects": (
        "GET",
        b"/",
        b"prefix=J&max-keys=2",
        [HOST, EMPTY, DATE],
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
}
PRESIGNED_QUERY = (
    b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
    + quote(SCOPE, safe="").encode()
    + b"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    b"&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_examples(name: str) -> None:
    method, path, query, headers, signature = PUBLISHED[name]
    request = SignedRequest(method, path, query, with_authorization(headers, signature))
    assert check(request).payload is Payload.HASHED


def test_published_presigned_example() -> None:
    claim = check(SignedRequest("GET", b"/test.txt", PRESIGNED_QUERY, [HOST]))
    assert claim.expires_s == 86400
    assert claim.payload is Payload.UNSIGNED


def signed_by_botocore(
    url: str,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    *,
    presigned: bool = False,
    token: str | None = None,
    body: bytes = b"",
) -> SignedRequest:
    credentials = Credentials(ACCESS_KEY, SECRET, token)
    request = AWSRequest(method=method, url=url, headers=headers or {}, data=body)
    if presigned:
        S3SigV4QueryAuth(credentials, "s3", REGION, expires=3600).add_auth(request)
    else:
        S3SigV4Auth(credentials, "s3", REGION).add_auth(request)
    return as_received(request)


def as_received(request: AWSRequest) -> SignedRequest:
    url = urlsplit(request.url)
    headers = [(b"host", url.netloc.encode()), (b"user-agent", b"any")]
    headers += [(name.lower().encode(), value.encode()) for name, value in request.headers.items()]
    return SignedRequest(request.method, url.path.encode(), url.query.encode(), headers)


KEYS = st.text(min_size=1, max_size=20).filter(
    lambda key: not any("\ud800" <= c <= "\udfff" for c in key)
)
VALUES = st.text(
    st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20
).filter(str.strip)


@given(
    key=KEYS,
    query=st.lists(st.tuples(KEYS, st.text("ab /+&=%é", max_size=5)), max_size=4),
    metadata=st.dictionaries(st.text("abc-", min_size=1, max_size=5), VALUES, max_size=3),
    token=st.none() | st.just("a/session+token=="),
    presigned=st.booleans(),
)
def test_botocore_agrees(
    key: str,
    query: list[tuple[str, str]],
    metadata: dict[str, str],
    token: str | None,
    presigned: bool,
) -> None:
    encoded = urlencode(query, quote_via=quote, safe="-._~")
    if presigned:  # botocore reads the query into a dictionary there, and drops empty values
        encoded = urlencode([(n, v) for n, v in dict(query).items() if v], quote_via=quote)
        metadata = {}
    url = f"http://127.0.0.1:8080/bucket/{quote(key, safe='/~')}?{encoded}"
    headers = {f"x-amz-meta-{name}": value for name, value in metadata.items()}
    request = signed_by_botocore(url, headers=headers, presigned=presigned, token=token)
    claim = check(request)
    assert claim.access_key == ACCESS_KEY
    assert claim.token == (token or "")


def test_botocore_agrees_on_other_services() -> None:
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    request = AWSRequest(method="POST", url="http://127.0.0.1/", data=body)
    SigV4Auth(Credentials(ACCESS_KEY, SECRET), "sts", REGION).add_auth(request)
    received = as_received(request)
    claim = read_claim(received, allow_v2=False)
    assert claim is not None
    assert claim.service == "sts"
    claim.check_terms(received, NOW_S, REGION, "sts")
    claim.check_signature(received, SECRET, sha256(body).hexdigest().encode())
    wrong = refusal(lambda: claim.check_signature(received, SECRET, EMPTY_SHA256))
    assert wrong.code == "SignatureDoesNotMatch"
    assert refusal(lambda: claim.check_terms(received, NOW_S, REGION)).code == (
        "AuthorizationHeaderMalformed"
    )


def test_headers_are_folded_as_aws_does() -> None:
    """Duplicates by comma in order, outer space gone, inner space single."""
    request = AWSRequest(method="GET", url="http://h/b/k")
    request.headers["x-amz-meta-a"] = "  one   two "
    request.headers["x-amz-meta-a"] = "\tthree"
    S3SigV4Auth(Credentials(ACCESS_KEY, SECRET), "s3", REGION).add_auth(request)
    received = as_received(request)
    assert received.values[b"x-amz-meta-a"].count(b",") == 1
    check(received)


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        (b"", b"/"),
        (b"/a b", b"/a%20b"),
        (b"/a+b", b"/a%2Bb"),
        (b"/a%2bb%7E", b"/a%2Bb~"),
        (b"/a//../b/.", b"/a//../b/."),
        (b"/%e2%82%ac", b"/%E2%82%AC"),
        (b"/\xe2\x82\xac", b"/%E2%82%AC"),
        (b"/a%2Fb", b"/a/b"),
        (b"/100%", b"/100%25"),
        (b"/!'()*", b"/%21%27%28%29%2A"),
    ],
)
def test_paths(sent: bytes, canonical: bytes) -> None:
    assert encode_path(sent) == canonical


@pytest.mark.parametrize(
    ("sent", "pairs"),
    [
        (b"", []),
        (b"acl", [(b"acl", b"")]),
        (b"a=1&&b=", [(b"a", b"1"), (b"b", b"")]),
        (b"p=a+b%20c", [(b"p", b"a%20b%20c")]),
        (b"p=a%2Bb/c~", [(b"p", b"a%2Bb%2Fc~")]),
        (b"p=%e2%82%ac=x", [(b"p", b"%E2%82%AC%3Dx")]),
    ],
)
def test_queries(sent: bytes, pairs: list[tuple[bytes, bytes]]) -> None:
    assert query_pairs(sent) == pairs


@given(st.data())
def test_no_byte_of_what_is_signed_may_change(data: st.DataObject) -> None:
    method, path, query, headers, signature = PUBLISHED["list objects"]
    headers = with_authorization(headers, signature)
    texts = [path, query, *(value for _, value in headers)]
    which = data.draw(st.integers(0, len(texts) - 1))
    position = data.draw(st.integers(0, len(texts[which]) - 1))
    byte = data.draw(st.integers(33, 126).filter(lambda byte: byte != texts[which][position]))
    texts[which] = texts[which][:position] + bytes((byte,)) + texts[which][position + 1 :]
    changed = [(name, text) for (name, _), text in zip(headers, texts[2:], strict=True)]
    request = SignedRequest(method, texts[0], texts[1], changed)
    means_the_same = (
        encode_path(texts[0]) == path
        and sorted(query_pairs(texts[1])) == sorted(query_pairs(query))
        and texts[2:] == [value for _, value in headers]
    )
    if means_the_same:
        return
    with pytest.raises(S3Error):
        check(request)


def header_request(**changes: str) -> SignedRequest:
    """A request that is well signed but for what is changed."""
    parts = {
        "scope": SCOPE,
        "signed": "host;x-amz-content-sha256;x-amz-date",
        "signature": "0" * 64,
        **changes,
    }
    headers = [HOST, EMPTY, DATE]
    return SignedRequest(
        "GET",
        b"/k",
        b"",
        with_authorization(headers, parts["signature"], parts["signed"], parts["scope"]),
    )


HEADER_REFUSALS = [
    (f"{ACCESS_KEY}/20130524/{REGION}/s3", "AuthorizationHeaderMalformed", "is mal-formed"),
    (f"/20130524/{REGION}/s3/aws4_request", "AuthorizationHeaderMalformed", "is mal-formed"),
    (f"k/2013052/{REGION}/s3/aws4_request", "AuthorizationHeaderMalformed", "incorrect date"),
    (f"k/20130525/{REGION}/s3/aws4_request", "AuthorizationHeaderMalformed", "not the same"),
    ("k/20130524/eu-west-1/s3/aws4_request", "AuthorizationHeaderMalformed", "'eu-west-1' is wr"),
    (f"k/20130524/{REGION}/ec2/aws4_request", "AuthorizationHeaderMalformed", 'service "ec2"'),
    (f"k/20130524/{REGION}/s3/aws4_reques", "AuthorizationHeaderMalformed", "incorrect terminal"),
    ("k" * 500 + SCOPE, "AuthorizationHeaderMalformed", "is mal-formed"),
    (SCOPE, "SignatureDoesNotMatch", "we calculated does not match"),
]


@pytest.mark.parametrize(("scope", "code", "message"), HEADER_REFUSALS)
def test_credentials_that_are_refused(scope: str, code: str, message: str) -> None:
    error = refusal(lambda: check(header_request(scope=scope)))
    assert (error.code, message in error.message) == (code, True), error.message


def test_a_wrong_region_says_which_is_right() -> None:
    scope = "k/20130524/eu-west-1/s3/aws4_request"
    error = refusal(lambda: check(header_request(scope=scope)))
    assert error.extra == {"Region": REGION}
    assert error.status == 400


def test_a_mismatch_shows_what_was_signed_and_no_secret() -> None:
    error = refusal(lambda: check(header_request()))
    assert error.status == 403
    assert str(error.extra["CanonicalRequest"]).startswith("GET\n/k\n\nhost:")
    assert str(error.extra["StringToSign"]).startswith("AWS4-HMAC-SHA256\n20130524T000000Z\n")
    assert SECRET not in repr(error.extra)


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (b"AWS4-HMAC-SHA256", "InvalidArgument"),
        (b"", "InvalidArgument"),
        (b"Bearer abc", "InvalidArgument"),
        (
            b"AWS4-ECDSA-P256-SHA256 Credential=a/b, SignedHeaders=host, Signature=c",
            "InvalidRequest",
        ),
        (b"AWS key:signature", "InvalidRequest"),
        (b"AWS4-HMAC-SHA256 Credential=a/b/c/d/e", "AuthorizationHeaderMalformed"),
        (
            b"AWS4-HMAC-SHA256 Credential=a,SignedHeaders=b,Signature=c,Else=d",
            "AuthorizationHeaderMalformed",
        ),
    ],
)
def test_other_authorizations(authorization: bytes, code: str) -> None:
    headers = [HOST, EMPTY, DATE, (b"authorization", authorization)]
    request = SignedRequest("GET", b"/k", b"", headers)
    assert refusal(lambda: check(request)).code == code


def test_version_4a_is_refused_in_words() -> None:
    headers = [HOST, (b"authorization", b"AWS4-ECDSA-P256-SHA256 Credential=a")]
    error = refusal(lambda: check(SignedRequest("GET", b"/", b"", headers)))
    assert "Please use AWS4-HMAC-SHA256" in error.message


@pytest.mark.parametrize(
    "query",
    [PRESIGNED_QUERY, b"AWSAccessKeyId=a", b"AWSAccessKeyId=a&X-Amz-Signature=b"],
    ids=["V4", "V2", "both"],
)
def test_several_mechanisms_at_once(query: bytes) -> None:
    _, path, _, headers, signature = PUBLISHED["GET object"]
    request = SignedRequest("GET", path, query, with_authorization(headers, signature))
    assert "Only one auth mechanism" in refusal(lambda: check(request)).message


def test_anonymous() -> None:
    assert read_claim(SignedRequest("GET", b"/b/k", b"prefix=a", [HOST]), allow_v2=True) is None


@pytest.mark.parametrize("off_s", [-901, 901])
def test_clocks_may_be_off_by_a_quarter_of_an_hour(off_s: int) -> None:
    method, path, query, headers, signature = PUBLISHED["GET object"]
    request = SignedRequest(method, path, query, with_authorization(headers, signature))
    check(request, NOW_S + off_s - off_s // abs(off_s))
    error = refusal(lambda: check(request, NOW_S + off_s))
    assert error.code == "RequestTimeTooSkewed"
    assert error.extra["MaxAllowedSkewMilliseconds"] == 900_000
    assert error.extra["RequestTime"] == STAMP.decode()


def test_a_date_header_will_do() -> None:
    request = AWSRequest(method="GET", url="http://h/b/k")
    auth = S3SigV4Auth(Credentials(ACCESS_KEY, SECRET), "s3", REGION)
    request.headers["Date"] = "Fri, 24 May 2013 00:00:00 GMT"
    request.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"
    request.context["timestamp"] = STAMP.decode()
    text = auth.string_to_sign(request, auth.canonical_request(request))
    auth._inject_signature_to_request(request, auth.signature(text, request))
    received = as_received(request)
    assert b"x-amz-date" not in received.values
    check(received)


def test_a_date_is_needed() -> None:
    headers = with_authorization([HOST, EMPTY], "0" * 64)
    request = SignedRequest("GET", b"/", b"", headers)
    assert refusal(lambda: check(request)).code == "AccessDenied"


@pytest.mark.parametrize("header", [b"x-amz-acl", b"x-amz-meta-a"])
def test_amazon_headers_must_be_signed(header: bytes) -> None:
    method, path, query, headers, signature = PUBLISHED["GET object"]
    signed = with_authorization(headers, signature)
    error = refusal(lambda: check(SignedRequest(method, path, query, [*signed, (header, b"x")])))
    assert (error.code, error.extra) == ("AccessDenied", {"HeadersNotSigned": header.decode()})


def test_the_host_must_be_signed() -> None:
    error = refusal(lambda: check(header_request(signed="x-amz-content-sha256;x-amz-date")))
    assert error.extra == {"HeadersNotSigned": "host"}


@pytest.mark.parametrize(
    ("value", "code"),
    [(None, "InvalidRequest"), (b"abc", "InvalidArgument"), (b"g" * 64, "InvalidArgument")],
)
def test_content_sha256_is_needed(value: bytes | None, code: str) -> None:
    headers = [HOST, DATE]
    if value is not None:
        headers.append((b"x-amz-content-sha256", value))
    request = SignedRequest("GET", b"/k", b"", with_authorization(headers, "0" * 64))
    assert refusal(lambda: check(request)).code == code


@pytest.mark.parametrize("payload", [kind for kind in Payload if kind is not Payload.HASHED])
def test_kinds_of_payload(payload: Payload) -> None:
    headers = [HOST, DATE, (b"x-amz-content-sha256", payload.value)]
    request = SignedRequest("PUT", b"/k", b"", with_authorization(headers, "0" * 64))
    claim = read_claim(request, allow_v2=False)
    assert claim is not None
    assert claim.payload is payload


@pytest.mark.parametrize("payload", [kind for kind in Payload if kind is not Payload.HASHED])
@pytest.mark.parametrize("authorization", [None, b"AWS key:signature"])
def test_chunks_are_signed_in_version_4_alone(
    payload: Payload, authorization: bytes | None
) -> None:
    headers = [HOST, DATE, (b"x-amz-content-sha256", payload.value)]
    if authorization:
        headers.append((b"authorization", authorization))
    request = SignedRequest("PUT", b"/k", b"", headers)

    def declared() -> Payload:
        claim = read_claim(request, allow_v2=True)
        return declared_payload(request) if claim is None else claim.payload

    if payload.has_signed_chunks:
        assert refusal(declared).code == "InvalidRequest"
    else:
        assert declared() is payload


def presigned(**changes: str) -> SignedRequest:
    pairs = dict(parse_qsl(PRESIGNED_QUERY.decode()))
    pairs.update({f"X-Amz-{name}": value for name, value in changes.items()})
    query = urlencode({name: value for name, value in pairs.items() if value != "absent"})
    return SignedRequest("GET", b"/test.txt", query.encode(), [HOST])


PRESIGNED_REFUSALS = [
    ({"Expires": "604801"}, "must be less than a week"),
    ({"Expires": "9" * 5000}, "must be less than a week"),
    ({"Expires": "-1"}, "must be non-negative"),
    ({"Expires": "1.5"}, "should be a number"),
    ({"Expires": "absent"}, "requires the X-Amz-Algorithm"),
    ({"Credential": "absent"}, "requires the X-Amz-Algorithm"),
    ({"Credential": "a/b"}, "is mal-formed"),
    ({"Credential": "a/20130524/eu/s3/aws4_request"}, "the region 'eu' is wrong"),
    ({"Algorithm": "AWS4-ECDSA-P256-SHA256"}, 'only supports "AWS4-HMAC-SHA256"'),
    ({"Date": "2013-05-24T00:00:00Z"}, "ISO8601 Long Format"),
    ({"Date": "20130532T000000Z"}, "ISO8601 Long Format"),
    ({"Date": "20130525T000000Z"}, "not the same as X-Amz-Date"),
]


@pytest.mark.parametrize(("changes", "message"), PRESIGNED_REFUSALS)
def test_presigned_refusals(changes: dict[str, str], message: str) -> None:
    error = refusal(lambda: check(presigned(**changes)))
    assert error.code == "AuthorizationQueryParametersError"
    assert message in error.message


def test_presigned_requests_expire() -> None:
    check(presigned(), NOW_S + 86400)
    error = refusal(lambda: check(presigned(), NOW_S + 86401))
    assert (error.code, error.message) == ("AccessDenied", "Request has expired")
    assert error.extra == {
        "X-Amz-Expires": 86400,
        "Expires": "2013-05-25T00:00:00Z",
        "ServerTime": "2013-05-25T00:00:01Z",
    }


def test_presigned_queries_carry_headers() -> None:
    query = "?X-Amz-Acl=public-read&x-amz-checksum-crc32=AAAAAA%3D%3D&prefix=x-amz-acl"
    request = signed_by_botocore(f"http://h/b/k{query}", presigned=True, token="t")
    claim = check(request)
    assert claim.hoisted() == {b"x-amz-acl": b"public-read", b"x-amz-checksum-crc32": b"AAAAAA=="}
    assert check(signed_by_botocore(f"http://h/b/k{query}")).hoisted() == {}


def test_presigned_requests_of_the_future() -> None:
    check(presigned(), NOW_S - 900)
    assert refusal(lambda: check(presigned(), NOW_S - 901)).message == "Request is not valid yet"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [b"authorization", b"x-amz-date", b"date", b"host", b"x-amz-content-sha256"]
            ),
            st.binary(max_size=80),
        ),
        max_size=5,
    ),
    st.binary(max_size=120),
    st.binary(max_size=20),
)
def test_whatever_is_sent_is_refused_or_anonymous(
    headers: Headers, query: bytes, path: bytes
) -> None:
    try:
        claim = read_claim(SignedRequest("GET", path, query, headers), allow_v2=True)
    except S3Error:
        return
    assert claim is None


@given(st.data())
def test_fragments_of_an_authorization(data: st.DataObject) -> None:
    """Well-known pieces in any order and number reach every branch of the parser."""
    pieces = [
        b"AWS4-HMAC-SHA256 ",
        b"Credential=",
        SCOPE.encode(),
        b",",
        b"SignedHeaders=host",
        b"Signature=",
        b"0" * 64,
        b"=",
        b" ",
        b"/",
        b"\xff",
        b"AWS ",
        b"a:b",
        STAMP,
    ]
    parameters = [
        b"X-Amz-Algorithm=AWS4-HMAC-SHA256",
        b"X-Amz-Credential=" + SCOPE.encode(),
        b"X-Amz-Date=" + STAMP,
        b"X-Amz-Expires=",
        b"9",
        b"&",
        b"X-Amz-Signature=0",
        b"X-Amz-SignedHeaders=host",
        b"AWSAccessKeyId=k",
        b"Signature=s",
        b"Expires=",
        b"%ff",
        b"+",
    ]
    join = st.lists(st.sampled_from(pieces), max_size=9).map(b"".join)
    headers = [
        HOST,
        (b"x-amz-date", data.draw(st.sampled_from([STAMP, b"x", b"20130524T000060Z"]))),
    ]
    if data.draw(st.booleans()):
        headers.append((b"authorization", data.draw(join)))
    query = data.draw(st.lists(st.sampled_from(parameters), max_size=14).map(b"".join))
    request = SignedRequest("GET", b"/", query, headers)
    try:
        claim = read_claim(request, allow_v2=True)
    except S3Error:
        return
    assert claim is None or refusal(lambda: verify(claim, request)).status < 500


def verify(claim: Claim, request: SignedRequest) -> None:
    claim.check_terms(request, NOW_S, REGION)
    claim.check_signature(request, SECRET)
