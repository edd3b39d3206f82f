"""Checksums against known values, and what requests announce, truly and falsely."""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.s3.checksums import (
    Algorithm,
    Checksum,
    Kind,
    composite,
    full_object,
    parse_checksum,
)
from storage.s3.errors import S3Error
from storage.s3.integrity import BodyChecks, upload_checksum

FOX = b"The quick brown fox jumps over the lazy dog"
KNOWN = {  # those of the hash functions' own authors, and of awscrt
    Algorithm.CRC32: "QU+jOQ==",
    Algorithm.CRC32C: "ImIEBA==",
    Algorithm.CRC64NVME: "12xUBUlUwUM=",
    Algorithm.SHA1: "L9ThxnotKPzthJ7hu3bnORuT6xI=",
    Algorithm.SHA256: "16j7swfXgJRpypq8sAguT41WUeRtPNt2LQLQvzfJ5ZI=",
    Algorithm.SHA512: (
        "B+VH2VhvanP3P7rAQ17XaVEhj7fQyNeIownXhUNru2Quk6JSqVTyORJUfR6KO17W4b/XCXghIz+gU489uFT+5g=="
    ),
    Algorithm.MD5: "nhB9nTcrtoJr2B01QqQZ1g==",
    Algorithm.XXHASH64: "CyQtNh/acbw=",
    Algorithm.XXHASH3: "zn0ZpUGPs2U=",
    Algorithm.XXHASH128: "3dZQIFyj5/okocwuOop2UQ==",
}
ALGORITHMS = st.sampled_from(list(Algorithm))
CRCS = [Algorithm.CRC32, Algorithm.CRC32C, Algorithm.CRC64NVME]


def checksum_of(algorithm: Algorithm, *pieces: bytes) -> Checksum:
    digest = algorithm.new()
    for piece in pieces:
        digest.update(piece)
    return Checksum(algorithm, digest.digest())


@pytest.mark.parametrize("algorithm", Algorithm)
def test_known_values(algorithm: Algorithm) -> None:
    checksum = checksum_of(algorithm, FOX[:7], FOX[7:])
    assert checksum.text == KNOWN[algorithm]
    assert len(checksum.digest) == algorithm.size_bytes
    assert parse_checksum(algorithm, checksum.text) == checksum


@pytest.mark.parametrize(
    "text", ["", "QU+jOQ=", "QU+jOQ", "QU-jOQ==", "QU+jOQ==\n", "QUE=", "é" * 8]
)
def test_what_is_no_checksum(text: str) -> None:
    assert parse_checksum(Algorithm.CRC32, text) is None


@pytest.mark.parametrize("algorithm", CRCS)
@given(parts=st.lists(st.binary(max_size=30), max_size=5))
def test_the_checksum_of_a_whole_object_comes_from_its_parts(
    algorithm: Algorithm, parts: list[bytes]
) -> None:
    digests = [(checksum_of(algorithm, part).digest, len(part)) for part in parts]
    assert full_object(algorithm, digests) == checksum_of(algorithm, b"".join(parts))


def test_the_checksum_of_checksums() -> None:
    digests = [hashlib.sha256(part).digest() for part in (b"a", b"b")]
    expected = hashlib.sha256(b"".join(digests)).digest()
    assert composite(Algorithm.SHA256, digests).digest == expected


def test_names() -> None:
    assert Algorithm.CRC64NVME.header == "x-amz-checksum-crc64nvme"
    assert Algorithm.CRC64NVME.element == "ChecksumCRC64NVME"


def header(algorithm: Algorithm, body: bytes = FOX) -> dict[bytes, bytes]:
    return {algorithm.header.encode(): checksum_of(algorithm, body).text.encode()}


@given(ALGORITHMS, st.lists(st.binary(max_size=20), max_size=4))
def test_an_announced_checksum_is_checked(algorithm: Algorithm, pieces: list[bytes]) -> None:
    checks = BodyChecks(header(algorithm, b"".join(pieces)))
    for piece in pieces:
        checks.update(piece)
    assert checks.finish() == checks.checksum == checksum_of(algorithm, *pieces)
    checks.update(b"more")
    with pytest.raises(S3Error) as caught:
        checks.finish()
    assert caught.value.code == "BadDigest"
    name = algorithm.value
    assert (
        caught.value.message == f"The {name} you specified did not match the calculated checksum."
    )


@pytest.mark.parametrize("algorithm", Algorithm)
def test_an_announced_trailer_is_checked(algorithm: Algorithm) -> None:
    checks = BodyChecks({b"x-amz-trailer": algorithm.header.encode()})
    assert checks.trailer_names == {algorithm.header}
    assert checks.checksum is None
    checks.update(FOX)
    assert checks.finish({algorithm.header: KNOWN[algorithm]}) == checksum_of(algorithm, FOX)
    for value, code in (
        (checksum_of(algorithm, b"").text, "BadDigest"),
        ("AA==", "InvalidRequest"),
        ("", "InvalidRequest"),
    ):
        with pytest.raises(S3Error) as caught:
            checks.finish({algorithm.header: value})
        assert caught.value.code == code


def test_without_an_announcement_the_default_is_computed() -> None:
    checks = BodyChecks({})
    checks.update(FOX)
    assert checks.finish() == Checksum(Algorithm.CRC64NVME, b64decode(KNOWN[Algorithm.CRC64NVME]))
    checks = BodyChecks({}, default=None)
    checks.update(FOX)
    assert checks.finish() is None


def test_the_signed_hash_is_checked() -> None:
    signed = hashlib.sha256(FOX).hexdigest()
    checks = BodyChecks(header(Algorithm.SHA256), signed_sha256=signed.upper().encode())
    checks.update(FOX)
    checks.finish()
    checks.update(b"more")
    with pytest.raises(S3Error) as caught:
        checks.finish()
    assert caught.value.code == "XAmzContentSHA256Mismatch"
    assert caught.value.extra == {
        "ClientComputedContentSHA256": signed,
        "S3ComputedContentSHA256": hashlib.sha256(FOX + b"more").hexdigest(),
    }


def test_content_md5() -> None:
    md5 = hashlib.md5(FOX, usedforsecurity=False).digest()
    headers = {b"content-md5": b64encode(md5)}
    for is_checked in (True, False):
        checks = BodyChecks(headers, is_md5_checked=is_checked)
        assert checks.md5 == md5
        checks.update(FOX)
        checks.finish()
        checks.update(b"more")
        if is_checked:
            with pytest.raises(S3Error) as caught:
                checks.finish()
            assert caught.value.code == "BadDigest"
            assert caught.value.extra["ExpectedDigest"] == KNOWN[Algorithm.MD5]
        else:
            checks.finish()


@pytest.mark.parametrize("value", [b"", b"abc", b"nhB9nTcrtoJr2B01QqQZ1g", b"AAAA", b"\xff" * 24])
def test_what_is_no_content_md5(value: bytes) -> None:
    with pytest.raises(S3Error) as caught:
        BodyChecks({b"content-md5": value})
    assert caught.value.code == "InvalidDigest"
    assert caught.value.extra == {"Content-MD5": value.decode("latin-1")}


CRC32 = {b"x-amz-checksum-crc32": b"QU+jOQ=="}
SDK = b"x-amz-sdk-checksum-algorithm"


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({b"x-amz-checksum-crc32": b"nope"}, "Value for x-amz-checksum-crc32 header is invalid."),
        (
            {b"x-amz-checksum-crc16": b"AAAA"},
            "The algorithm type you specified in x-amz-checksum- ",
        ),
        ({**CRC32, b"x-amz-checksum-sha1": b"a"}, "Expecting a single x-amz-checksum- header."),
        (
            {**CRC32, b"x-amz-trailer": b"x-amz-checksum-crc32"},
            "Expecting a single x-amz-checksum-",
        ),
        (
            {b"x-amz-trailer": b"x-amz-meta-a"},
            "The value specified in the x-amz-trailer header is ",
        ),
        ({b"x-amz-trailer": b""}, "The value specified in the x-amz-trailer header is "),
        ({**CRC32, SDK: b"CRC32C"}, "Value for x-amz-sdk-checksum-algorithm header is invalid."),
        ({**CRC32, SDK: b"CRC16"}, "Value for x-amz-sdk-checksum-algorithm header is invalid."),
        ({SDK: b"CRC32"}, "x-amz-sdk-checksum-algorithm specified, but no corresponding"),
    ],
)
def test_announcements_that_are_refused(headers: dict[bytes, bytes], message: str) -> None:
    with pytest.raises(S3Error) as caught:
        BodyChecks(headers)
    assert caught.value.code == "InvalidRequest"
    assert caught.value.message.startswith(message)


def test_announcements_that_agree() -> None:
    for value in (b"CRC32", b"crc32"):
        BodyChecks({**CRC32, SDK: value})
        BodyChecks({b"x-amz-trailer": b"x-amz-checksum-crc32", SDK: value})
    headers = {b"x-amz-checksum-type": b"FULL_OBJECT", b"x-amz-checksum-algorithm": b"CRC32"}
    assert BodyChecks(headers).checksum is None


TYPE, ALGORITHM = b"x-amz-checksum-type", b"x-amz-checksum-algorithm"
UPLOADS = {
    "CRC32": ("COMPOSITE", ("COMPOSITE", "FULL_OBJECT")),
    "CRC32C": ("COMPOSITE", ("COMPOSITE", "FULL_OBJECT")),
    "CRC64NVME": ("FULL_OBJECT", ("FULL_OBJECT",)),
    "SHA1": ("COMPOSITE", ("COMPOSITE",)),
    "SHA256": ("COMPOSITE", ("COMPOSITE",)),
}


@pytest.mark.parametrize("name", UPLOADS)
def test_kinds_of_multipart_checksums(name: str) -> None:
    default, allowed = UPLOADS[name]
    algorithm = Algorithm(name)
    assert upload_checksum({ALGORITHM: name.lower().encode()}) == (algorithm, Kind(default))
    for kind in Kind:
        headers = {ALGORITHM: name.encode(), TYPE: kind.value.encode()}
        if kind.value in allowed:
            assert upload_checksum(headers) == (algorithm, kind)
            continue
        with pytest.raises(S3Error) as caught:
            upload_checksum(headers)
        assert caught.value.message == (
            f"The {kind.value} checksum type cannot be used with the {name.lower()} checksum "
            "algorithm."
        )


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({TYPE: b"COMPOSITE"}, "The x-amz-checksum-type header can only be used with the "),
        ({ALGORITHM: b"CRC16"}, "Checksum algorithm provided is unsupported."),
        ({ALGORITHM: b"CRC32", TYPE: b"X"}, "Value for x-amz-checksum-type header is invalid."),
    ],
)
def test_multipart_checksums_that_are_refused(headers: dict[bytes, bytes], message: str) -> None:
    assert upload_checksum({}) is None
    with pytest.raises(S3Error) as caught:
        upload_checksum(headers)
    assert caught.value.code == "InvalidRequest"
    assert caught.value.message.startswith(message)
