"""The archive reader against the one of Python's library."""

import bz2
import gzip
import io
import random
import tarfile
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.swift.archive import EXPANSION_MAX, FORMATS, PIECE_SIZE_BYTES
from storage.swift.tar import MemberBegins, MemberData, MemberEnds, TarError, TarReader

FILES = [("dir/a", b"hello"), ("dir/" + "n" * 300, b""), ("é/ü", b"x" * 1500), ("b", b"y" * 512)]


def archive(
    files: Iterable[tuple[str, bytes]] = FILES, form: int = tarfile.PAX_FORMAT, **pax: str
) -> bytes:
    """Return an archive of files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.pax_headers = pax
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def read(data: bytes, sizes: Iterable[int] = (), *, kind: str = "tar") -> list[tuple[str, bytes]]:
    """Return the files of an archive that comes in pieces."""
    reader, expander = TarReader(), FORMATS[kind]()
    files: list[tuple[str, bytes]] = []
    current: MemberBegins | None = None
    content = b""
    at = 0
    for size in [*sizes, len(data)]:
        for piece in expander.feed(data[at : at + size]):
            for event in reader.feed(piece):
                if isinstance(event, MemberBegins):
                    assert current is None
                    current, content = event, b""
                elif isinstance(event, MemberData):
                    content += event.data
                else:
                    assert isinstance(event, MemberEnds)
                    assert current is not None
                    assert len(content) == current.size_bytes
                    if current.is_file:
                        files.append((current.name.decode("utf-8", "surrogateescape"), content))
                    current = None
        at += size
    expander.close()
    reader.close()
    return files


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["pax", "gnu"])
@pytest.mark.parametrize("kind", FORMATS)
@given(sizes=st.lists(st.integers(1, 1500), max_size=20))
def test_any_archive_in_any_pieces(form: int, kind: str, sizes: list[int]) -> None:
    data = archive(form=form)
    packed = {"tar": data, "tar.gz": gzip.compress(data), "tar.bz2": bz2.compress(data)}[kind]
    assert read(packed, sizes, kind=kind) == FILES


def test_ustar_joins_prefix_and_name() -> None:
    name = "p" * 100 + "/" + "n" * 90
    assert read(archive([(name, b"1")], tarfile.USTAR_FORMAT)) == [(name, b"1")]


def test_what_is_no_file_has_no_data() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for number, kind in enumerate(
            (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)
        ):
            member = tarfile.TarInfo(f"n{number}")
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
        member = tarfile.TarInfo("file")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"abc"))
    assert read(buffer.getvalue()) == [("file", b"abc")]


def test_extended_headers_are_handed_on() -> None:
    events = list(
        TarReader().feed(archive([("c/o", b"")], **{"SCHILY.xattr.user.meta.x": "é=1\n"}))
    )
    assert isinstance(events[0], MemberBegins)
    assert events[0].pax[b"SCHILY.xattr.user.meta.x"] == "é=1\n".encode()


def test_large_numbers_are_in_base_256() -> None:
    member = tarfile.TarInfo("huge")
    member.size = 9 * 2**33
    event = next(iter(TarReader().feed(member.tobuf(tarfile.GNU_FORMAT))))
    assert isinstance(event, MemberBegins)
    assert event.size_bytes == 9 * 2**33


def test_an_archive_that_is_cut_is_refused() -> None:
    data = archive([("c/o", b"x" * 2000)])
    for length in (1, 511, 513, 600, 2000, 2511):
        with pytest.raises(TarError):
            read(data[:length])
    assert read(data[: 512 + 2048]) == [("c/o", b"x" * 2000)], "zeros at the end may be missing"
    for kind, packed in (("tar.gz", gzip.compress(data)), ("tar.bz2", bz2.compress(data))):
        with pytest.raises(TarError):
            read(packed[:-1], kind=kind)
    with pytest.raises(TarError, match="empty file"):
        read(b"")


def test_any_damage_is_an_error_or_harmless() -> None:
    data = bytearray(archive())
    chance = random.Random(1)
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(3):
            damaged[chance.randrange(len(data))] = chance.randrange(256)
        try:
            read(bytes(damaged))
        except TarError:
            pass


@pytest.mark.parametrize("kind", ["tar.gz", "tar.bz2"])
def test_what_is_not_compressed_so_is_refused(kind: str) -> None:
    with pytest.raises(TarError, match="not a compressed archive"):
        read(archive(), kind=kind)


def test_streams_may_follow_each_other() -> None:
    data = archive()
    halves = data[:700], data[700:]
    assert read(b"".join(map(gzip.compress, halves)), kind="tar.gz") == FILES
    assert read(b"".join(map(bz2.compress, halves)), kind="tar.bz2") == FILES


@pytest.mark.slow
def test_a_bomb_is_defused() -> None:
    zeros = bytes(1024 * 1024)
    compressor = bz2.BZ2Compressor()
    bomb = b"".join(compressor.compress(zeros) for _ in range(80)) + compressor.flush()
    assert len(bomb) * EXPANSION_MAX < 80 * len(zeros)
    pieces: list[int] = []

    def expand() -> None:
        pieces.extend(len(piece) for piece in FORMATS["tar.bz2"]().feed(bomb))

    with pytest.raises(TarError, match="beyond all measure"):
        expand()
    assert max(pieces) <= PIECE_SIZE_BYTES
    assert sum(pieces) <= 64 * 1024 * 1024


@given(st.binary(max_size=2000))
def test_anything_may_be_fed(data: bytes) -> None:
    for kind in FORMATS:
        try:
            read(data, kind=kind)
        except TarError:
            pass
