"""The small parts: text, times, paths, metadata, conditions, expiry, bodies, settings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from swift_oracle import Timestamp, constraints, split_path, swob

from storage.object.record import ObjectRecord, tombstone
from storage.proxy.errors import (
    BodyIncompleteError,
    BodyTooLargeError,
    PreconditionFailedError,
    StoreError,
)
from storage.proxy.replica import ReplicaFailedError
from storage.swift.body import RequestBody, declared_length
from storage.swift.changes import account_changes, container_changes, guess_content_type
from storage.swift.conditions import (
    delete_at_condition,
    normalize_etag,
    range_applies,
    read_status,
    write_condition,
)
from storage.swift.expiry import DELETE_AT_S_MAX, read_delete_at
from storage.swift.metadata import OBJECT_PREFIX, MetadataRules, object_header_name
from storage.swift.response import PAGES, STATUS_OF_STORE_ERROR, SwiftError, of_store_error
from storage.swift.settings import SwiftSettings
from storage.swift.target import Level, parse_account_name, parse_object_path, parse_target
from storage.swift.text import decode, encode
from storage.swift.times import decimal, http_date, iso, parse_http_date, whole_seconds
from storage.timestamp import Timestamp as RecordTime
from storage.timestamp import at_milliseconds

RULES = MetadataRules(SwiftSettings())


def refusal(error: pytest.ExceptionInfo[SwiftError]) -> tuple[int, bytes]:
    return error.value.response.status, error.value.response.body


# text


@given(st.binary(max_size=40) | st.text(max_size=20).map(str.encode))
def test_any_bytes_come_back(raw: bytes) -> None:
    text = decode(raw)
    assert encode(text) == raw
    assert text.encode().decode() == text, "and can be stored"


@given(st.text(max_size=20))
def test_any_text_of_others_can_be_sent(text: str) -> None:
    assert isinstance(encode(text), bytes)


def test_utf8_is_stored_as_what_it_means() -> None:
    assert decode("Ångström".encode()) == "Ångström"


# times


@given(st.integers(0, 10**12), st.integers(0, 0xFFFF))
def test_times_are_swifts(wall_ms: int, counter: int) -> None:
    ours = RecordTime(wall_ms.to_bytes(6) + counter.to_bytes(2) + bytes(4))
    steps = wall_ms * 100 + min(counter, 99)
    theirs = Timestamp(f"{steps // 100_000}.{steps % 100_000:05d}")
    assert decimal(ours).decode() == theirs.normal
    assert iso(ours) == theirs.isoformat
    assert whole_seconds(ours) == theirs.ceil()
    assert http_date(whole_seconds(ours)).decode() == swob.date_header_format(theirs)


@given(st.integers(0, 2**32))
def test_dates_are_read_again(second: int) -> None:
    assert parse_http_date(http_date(second)) == second


@pytest.mark.parametrize(
    "text",
    [
        b"Sun, 06 Nov 1994 08:49:37 GMT",
        b"Sunday, 06-Nov-94 08:49:37 GMT",
        b"Sun Nov  6 08:49:37 1994",
    ],
)
def test_all_forms_of_dates(text: bytes) -> None:
    assert parse_http_date(text) == 784111777


@given(st.binary(max_size=40))
def test_no_date_is_too_strange(text: bytes) -> None:
    parse_http_date(text)


# paths

SEGMENT = st.sampled_from(["", "a", "c", "o/p", "%C3%A9", "%2F", "v1", "..", "%00", "%ff", "a b"])


@given(st.sampled_from(["v1", "v1.0", "v2", "info", ""]), st.lists(SEGMENT, max_size=4))
def test_paths_are_split_as_swift_splits(version: str, segments: list[str]) -> None:
    raw = "/" + "/".join([version, *segments])
    path = swob.wsgi_unquote(raw)
    if not constraints.check_utf8(swob.wsgi_to_str(path)):
        expected: int | list[str] = 412
    else:
        try:
            parts = split_path(swob.wsgi_to_str(path), 1, 4, True)
        except ValueError:
            expected = 404
        else:
            valid = parts[0] in ("v1", "v1.0")
            expected = 412 if not parts[1] else 400 if not valid else [one or "" for one in parts]
    if isinstance(expected, int):
        with pytest.raises(SwiftError) as refused:
            parse_target(raw.encode())
        assert refused.value.response.status == expected
    else:
        found = parse_target(raw.encode())
        assert list(found[1:]) == expected[1:]
        assert found.level == Level(sum(bool(name) for name in found[1:]))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"c/o", ("c", "o")),
        (b"/c/o", ("c", "o")),
        (b"c/o/p/", ("c", "o/p/")),
        (b"%C3%A9/%25", ("é", "%")),
        (b"c", 412),
        (b"c/", 412),
        (b"/c", 412),
        (b"//o", 412),
        (b"", 412),
        (b"c/%ff", 412),
        (b"c/%00", 412),
    ],
)
def test_object_paths_in_headers(value: bytes, expected: object) -> None:
    if expected == 412:
        with pytest.raises(SwiftError) as refused:
            parse_object_path("Destination", value)
        assert refused.value.response.status == 412
    else:
        assert parse_object_path("Destination", value) == expected


@pytest.mark.parametrize("value", [b"", b"a/b", b"a%2Fb", b"%ff"])
def test_account_names_in_headers(value: bytes) -> None:
    with pytest.raises(SwiftError) as refused:
        parse_account_name(value)
    assert refused.value.response.status == 412


# metadata

NAME = st.binary(max_size=130).map(lambda raw: raw.replace(b"\0", b"").replace(b"_", b"-").lower())
ITEMS = st.dictionaries(NAME, st.binary(max_size=260), max_size=4) | st.integers(80, 95).map(
    lambda count: {b"%d" % number: b"v" * 40 for number in range(count)}
)


@given(ITEMS, st.sampled_from(["account", "container", "object"]))
def test_metadata_limits_are_swifts(items: dict[bytes, bytes], level: str) -> None:
    prefix = f"x-{level}-meta-"
    headers = {prefix.encode() + name: value for name, value in items.items()}
    asked = swob.Request.blank("/v1/a/c/o")
    for name, value in headers.items():
        asked.headers[name.decode("latin-1")] = value
    if len(asked.headers) != len(headers) + 1:  # names that differ in case outside of ASCII
        return
    error = constraints.check_metadata(asked, level)
    if error is not None:
        with pytest.raises(SwiftError) as refused:
            RULES.read(headers, prefix, text=level != "object")
        assert refused.value.response.status == error.status_int
    else:
        found = RULES.read(headers, prefix, text=level != "object")
        assert {encode(name): encode(value) for name, value in found.items()} == items


def test_names_and_values_count_together() -> None:
    full = {b"x-object-meta-%04d" % number: b"v" * 252 for number in range(16)}
    assert len(RULES.read(full, OBJECT_PREFIX, text=False)) == 16
    with pytest.raises(SwiftError) as refused:
        RULES.read({**full, b"x-object-meta-k": b""}, OBJECT_PREFIX, text=False)
    assert refusal(refused) == (400, b"Total metadata too large; max 4096")


def test_every_header_has_a_limit() -> None:
    RULES.check_headers({b"referer": b"x" * 8192})
    with pytest.raises(SwiftError) as refused:
        RULES.check_headers({b"referer": b"x" * 8193})
    assert refusal(refused) == (400, b"Header value too long: referer")


def test_merged_metadata_has_the_limits_too() -> None:
    held = {f"x-container-meta-{number}": "v" for number in range(90)}
    with pytest.raises(SwiftError) as refused:
        container_changes({b"x-container-meta-new": b"v"}, held, RULES, owner=True)
    assert refusal(refused) == (400, b"Too many metadata items; max 90")
    replacing = {b"x-container-meta-7": b"w", b"x-remove-container-meta-8": b"x"}
    assert container_changes(replacing, held, RULES, owner=True) == {
        "x-container-meta-7": "w",
        "x-container-meta-8": "",
    }
    long = {f"x-account-meta-{number:04}": "v" * 250 for number in range(16)}
    with pytest.raises(SwiftError) as refused:
        account_changes({b"x-account-meta-0": b"v" * 50}, long, RULES)
    assert refusal(refused) == (400, b"Total metadata too large; max 4096")


def test_full_container_can_still_be_changed() -> None:
    held = {f"x-container-meta-{number:02}": "v" for number in range(90)}
    swap = {b"x-container-meta-new": b"v", b"x-remove-container-meta-07": b"x"}
    assert len(container_changes(swap, held, RULES, owner=True)) == 2
    assert container_changes({b"x-container-read": b"bob"}, held, RULES, owner=True)
    heavy = {f"x-container-meta-{number:04}": "v" * 252 for number in range(16)}
    same = {b"x-container-meta-0000": b"w" * 252}
    assert container_changes(same, heavy, RULES, owner=True), "exactly the limit"


def test_removal_of_nothing_changes_nothing() -> None:
    headers = {b"x-remove-container-meta-a": b"x", b"x-container-meta-b": b""}
    assert container_changes(headers, {}, RULES, owner=True) == {}


def test_others_than_the_owner_cannot_touch_the_rules() -> None:
    held = {"x-container-read": "bob", "x-container-meta-temp-url-key": "k"}
    headers = {
        b"x-container-read": b"eve",
        b"x-remove-container-read": b"x",
        b"x-container-meta-temp-url-key": b"eve",
        b"x-container-meta-color": b"red",
    }
    assert container_changes(headers, held, RULES, owner=False) == {"x-container-meta-color": "red"}


def test_header_names_have_capitals() -> None:
    assert object_header_name("color-of-sky") == b"X-Object-Meta-Color-Of-Sky"
    assert OBJECT_PREFIX == "x-object-meta-"


# conditions

ETAG = "d41d8cd98f00b204e9800998ecf8427e"
NOW = 1_700_000_000


def a_record(etag: str = ETAG) -> ObjectRecord:
    return tombstone("a", "c", "o", b"", at_milliseconds(NOW * 1000))._replace(etag=etag)


TAGS = st.lists(st.sampled_from([ETAG, f'"{ETAG}"', "*", "other", '"x"', "", '"']), max_size=3)
DATES = st.sampled_from([http_date(NOW + delta) for delta in (-1, 0, 1)] + [b"soon", b""])
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        b"if-match": TAGS.map(",".join).map(str.encode),
        b"if-none-match": TAGS.map(", ".join).map(str.encode),
        b"if-modified-since": DATES,
        b"if-unmodified-since": DATES,
    },
)


@given(CONDITIONS)
def test_conditions_of_reading_are_swifts(headers: dict[bytes, bytes]) -> None:
    asked = swob.Request.blank("/", headers={n.decode(): v.decode() for n, v in headers.items()})
    answer = swob.Response(request=asked, conditional_response=True)
    answer.etag = ETAG
    answer.last_modified = NOW
    assert read_status(headers, a_record()) == answer._get_conditional_response_status()


@pytest.mark.parametrize(
    ("headers", "of_nothing", "of_this", "of_other"),
    [
        ({b"if-none-match": b"*"}, True, False, False),
        ({b"if-match": f'"{ETAG}"'.encode()}, False, True, False),
        ({b"if-match": b"*"}, False, True, True),
        ({b"if-match": ETAG.encode(), b"if-none-match": b"*"}, False, False, False),
    ],
)
def test_conditions_of_writing(
    headers: dict[bytes, bytes], of_nothing: bool, of_this: bool, of_other: bool
) -> None:
    judge = write_condition(headers)
    assert judge is not None
    cases = ((None, of_nothing), (a_record(), of_this), (a_record("other"), of_other))
    for current, holds in cases:
        if holds:
            judge(current)
        else:
            with pytest.raises(PreconditionFailedError):
                judge(current)


def test_writing_without_conditions() -> None:
    assert write_condition({b"if-modified-since": http_date(NOW)}) is None
    with pytest.raises(SwiftError) as refused:
        write_condition({b"if-none-match": ETAG.encode()})
    assert refusal(refused) == (400, b"If-None-Match only supports *")


def test_if_range() -> None:
    assert range_applies({}, a_record())
    assert range_applies({b"if-range": f'"{ETAG}"'.encode()}, a_record())
    assert not range_applies({b"if-range": b'"other"'}, a_record())
    assert not range_applies({b"if-range": f'W/"{ETAG}"'.encode()}, a_record())
    assert range_applies({b"if-range": http_date(NOW)}, a_record())
    assert not range_applies({b"if-range": http_date(NOW + 1)}, a_record())


@pytest.mark.parametrize("value", [b"", b"bad", b"nan", b"inf"])
def test_bad_if_delete_at(value: bytes) -> None:
    with pytest.raises(SwiftError) as refused:
        delete_at_condition({b"x-if-delete-at": value})
    assert refusal(refused) == (400, b"Bad X-If-Delete-At header value")


@pytest.mark.parametrize(
    ("tag", "plain"), [('"x"', "x"), ("x", "x"), ('"', '"'), ("", ""), ('""', "")]
)
def test_quotes_of_tags(tag: str, plain: str) -> None:
    assert normalize_etag(tag) == plain


# expiry


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({b"x-delete-at": b"1700000001"}, "1700000001"),
        ({b"x-delete-after": b"10"}, "1700000010"),
        ({b"x-delete-after": b"10", b"x-delete-at": b"nonsense"}, "1700000010"),
        ({b"x-delete-at": b"1" * 100}, str(DELETE_AT_S_MAX)),
        ({b"x-delete-after": b"1" * 100}, str(DELETE_AT_S_MAX)),
        ({b"x-delete-at": b"1700000000"}, b"X-Delete-At in past"),
        ({b"x-delete-at": b"-1"}, b"X-Delete-At in past"),
        ({b"x-delete-after": b"0"}, b"X-Delete-After in past"),
        ({b"x-delete-after": b"-" + b"1" * 1000}, b"X-Delete-After in past"),
        ({b"x-delete-at": b"*"}, b"Non-integer X-Delete-At"),
        ({b"x-delete-at": b"1.5"}, b"Non-integer X-Delete-At"),
        ({b"x-delete-after": b""}, b"Non-integer X-Delete-After"),
        ({b"x-delete-after": b"9" * 5000}, b"Non-integer X-Delete-After"),
    ],
)
def test_expiry(headers: dict[bytes, bytes], expected: object) -> None:
    if isinstance(expected, bytes):
        with pytest.raises(SwiftError) as refused:
            read_delete_at(headers, float(NOW))
        assert refusal(refused) == (400, expected)
    else:
        assert read_delete_at(headers, float(NOW)) == expected


# bodies


async def take(pieces: list[bytes], length: int | None, limit: int = 100) -> bytes:
    messages = [
        {"type": "http.request", "body": piece, "more_body": number < len(pieces)}
        for number, piece in enumerate(pieces, start=1)
    ]

    async def receive() -> dict[str, object]:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    body = RequestBody(receive, length, limit)
    taken = b""
    while data := await body.receive():
        taken += data
    assert await body.receive() == b"", "and it stays at its end"
    return taken


@pytest.mark.parametrize("length", [None, 5])
async def test_body_is_taken_whole(length: int | None) -> None:
    assert await take([b"ab", b"", b"cde"], length) == b"abcde"
    assert await take([b"abcde", b""], length) == b"abcde"


async def test_body_of_no_bytes_is_not_waited_for() -> None:
    assert await take([], 0) == b""


@pytest.mark.parametrize(
    ("pieces", "length"), [([b"abc"], 5), ([b"abcdef"], 5), ([b"abc", b"def"], 5)]
)
async def test_body_must_be_as_long_as_declared(pieces: list[bytes], length: int) -> None:
    with pytest.raises(BodyIncompleteError):
        await take(pieces, length)


async def test_body_that_breaks_off() -> None:
    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    for length in (None, 5):
        with pytest.raises(BodyIncompleteError):
            await RequestBody(receive, length, 100).receive()


async def test_body_of_unknown_length_has_a_limit() -> None:
    assert await take([b"a" * 60, b"b" * 40], None) == b"a" * 60 + b"b" * 40
    with pytest.raises(BodyTooLargeError):
        await take([b"a" * 60, b"b" * 41], None)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({b"content-length": b"7"}, 7),
        ({b"transfer-encoding": b"Chunked"}, None),
        ({}, (411, b"Missing Content-Length header.")),
        ({b"content-length": b"x"}, (400, b"Invalid Content-Length header value")),
        ({b"content-length": b"-1"}, (400, b"Invalid Content-Length header value")),
        ({b"content-length": b"101"}, (413, b"Your request is too large.")),
        ({b"content-length": b"9" * 5000}, (413, b"Your request is too large.")),
        ({b"transfer-encoding": b"gzip"}, (400, b"Invalid Transfer-Encoding header value")),
    ],
)
def test_declared_length(headers: dict[bytes, bytes], expected: object) -> None:
    if isinstance(expected, tuple):
        with pytest.raises(SwiftError) as refused:
            declared_length(headers, 100)
        assert refusal(refused) == expected
    else:
        assert declared_length(headers, 100) == expected


# the rest


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a/b.txt", "text/plain"),
        ("b.wav", "audio/x-wav"),
        ("c.tar.gz", "application/x-tar"),
        ("data:image/png", "application/octet-stream"),
        ("//[.png", "image/png"),
        ("folder.png/", "application/octet-stream"),
    ],
)
def test_guessed_content_types(name: str, content_type: str) -> None:
    assert guess_content_type(name) == content_type


def test_pages_are_swifts() -> None:
    for status, page in PAGES.items():
        title, text = swob.RESPONSE_REASONS[status]
        text = text.removesuffix(" Drive: %(drive)s")
        assert page == f"<html><h1>{title}</h1><p>{text}</p></html>".encode()


def test_every_error_of_the_store_has_a_status() -> None:
    raised_here = {
        error for error in StoreError.__subclasses__() if error.__module__ == StoreError.__module__
    }
    assert set(STATUS_OF_STORE_ERROR) == raised_here, "errors of S3's uploads never come here"


def test_settings_that_the_store_can_keep() -> None:
    assert SwiftSettings(object_name_bytes_max=1, listing_entries_max=10_000)


@pytest.mark.parametrize(
    "settings",
    [
        {"object_name_bytes_max": 1025},
        {"container_name_bytes_max": 0},
        {"listing_entries_max": 10_001},
        {"policies": ()},
    ],
)
def test_settings_that_the_store_cannot_keep(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must"):
        SwiftSettings(**settings)  # type: ignore[arg-type]


def test_a_kind_of_a_store_error_has_its_status() -> None:
    assert of_store_error(ReplicaFailedError(0, "gone")).status == 503
    assert of_store_error(StoreError()).status == 500
