"""The reader of multipart/form-data: whatever the pieces, it tells the same."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.http.form import (
    Event,
    FormEnds,
    FormError,
    FormReader,
    PartBegins,
    PartData,
    PartEnds,
    form_boundary,
)

BOUNDARY = b"bound"
Part = tuple[str, str | None, bytes]


def write(parts: Iterable[Part], preamble: bytes = b"", epilogue: bytes = b"") -> bytes:
    form = preamble
    for name, filename, data in parts:
        head = f'Content-Disposition: form-data; name="{quote(name)}"'
        if filename is not None:
            head += f'; filename="{quote(filename)}"'
        form += b"--bound\r\n" + head.encode() + b"\r\n\r\n" + data + b"\r\n"
    return form + b"--bound--" + epilogue


def quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def read(pieces: Iterable[bytes]) -> list[Part]:
    reader = FormReader(BOUNDARY)
    events: list[Event] = []
    for piece in pieces:
        events.extend(reader.feed(piece))
    reader.close()
    return gather(events)


def gather(events: Iterable[Event]) -> list[Part]:
    """Return the parts that events tell of, and see that they come in order."""
    parts: list[Part] = []
    is_open = has_ended = False
    for event in events:
        assert not has_ended
        if isinstance(event, PartBegins):
            assert not is_open
            parts.append((event.name, event.filename, b""))
            is_open = True
        elif isinstance(event, PartData):
            assert is_open
            assert event.data
            name, filename, data = parts[-1]
            parts[-1] = name, filename, data + event.data
        elif isinstance(event, PartEnds):
            assert is_open
            is_open = False
        else:
            assert isinstance(event, FormEnds)
            has_ended = True
    assert has_ended
    assert not is_open
    return parts


NAMES = st.text(st.characters(exclude_characters="\r\n", exclude_categories=("Cs",)), max_size=20)
DATA = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"-", b"--", b"--boun", b"\r\n--boun", b"x", b"d"]),
    max_size=12,
).map(b"".join)
PARTS = st.lists(st.tuples(NAMES, st.none() | NAMES, DATA), max_size=4)


@given(
    PARTS.filter(lambda parts: all(b"\r\n--bound" not in b"\r\n" + one[2] for one in parts)),
    st.data(),
)
def test_what_is_written_is_read(parts: list[Part], data: st.DataObject) -> None:
    form = write(parts, epilogue=b"\r\nwhatever follows")
    cuts = data.draw(st.lists(st.integers(0, len(form)), max_size=8).map(sorted))
    pieces = [form[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(form)], strict=True)]
    assert read(pieces) == parts


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_bytes_are_a_form_or_refused(data: bytes, size: int) -> None:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    try:
        read(pieces)
    except FormError:
        return
    assert b"--bound--" in data


@given(PARTS, st.integers(0, 400))
def test_a_form_that_breaks_off_is_refused(parts: list[Part], length: int) -> None:
    form = write(parts)
    if length < len(form) and b"--bound--" not in form[:length]:
        with pytest.raises(FormError):
            read([form[:length]])


def test_a_long_part_is_not_gathered() -> None:
    reader = FormReader(BOUNDARY)
    list(reader.feed(write([("a", "b", b"")]).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"))
    held_bytes = 0
    for _ in range(100):
        given_out = sum(
            len(one.data) for one in reader.feed(b"x" * 1000) if isinstance(one, PartData)
        )
        held_bytes += 1000 - given_out
    assert held_bytes < 20


@pytest.mark.parametrize(
    "form",
    [
        b"x" * 2000,
        b"--bound\r\n\r\nno head\r\n--bound--",
        b"--bound\r\nContent-Type: a/b\r\n\r\n\r\n--bound--",
        b"--bound\r\nContent-Disposition: form-data\r\n\r\n\r\n--bound--",
        b"--bound\r\nnonsense\r\n\r\n\r\n--bound--",
        b"--boundary\r\n",
        b"--bound" + b" " * 9000,
        b"--bound\r\nX: " + b"x" * 9000,
        b'--bound\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n\r\n--bound--',
    ],
)
def test_forms_that_are_refused(form: bytes) -> None:
    with pytest.raises(FormError):
        read([form])


def test_a_preamble_is_passed_over() -> None:
    assert read([write([("a", None, b"1")], preamble=b"hello\r\n")]) == [("a", None, b"1")]


def test_the_content_type_of_a_part() -> None:
    form = (
        b"--bound\r\nContent-Type: image/png\r\n"
        b"content-disposition: form-data; filename=x.png; name=a\r\n\r\n1\r\n--bound--"
    )
    assert next(iter(FormReader(BOUNDARY).feed(form))) == PartBegins("a", "x.png", "image/png")


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        (b"multipart/form-data; boundary=abc", b"abc"),
        (b'Multipart/Form-Data;charset=x; BOUNDARY="a b;c"', b"a b;c"),
        (b"text/plain", None),
        (b"", None),
    ],
)
def test_the_boundary(content_type: bytes, boundary: bytes | None) -> None:
    assert form_boundary(content_type) == boundary


@pytest.mark.parametrize("parameters", [b"", b"; boundary=", b"; boundary=" + b"x" * 71])
def test_a_boundary_that_is_none(parameters: bytes) -> None:
    with pytest.raises(FormError):
        form_boundary(b"multipart/form-data" + parameters)
