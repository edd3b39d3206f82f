"""The clients that people have: python-swiftclient and its `swift` command, on a real tree."""

import filecmp
import os
import random
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from running_cloud import RunningCloud
from swiftclient.client import ClientException, Connection

pytestmark = pytest.mark.slow

FILES = int(os.environ.get("ATOLL_CLOUD_FILES", "400"))
LARGE_SIZE_MIB = int(os.environ.get("ATOLL_CLOUD_LARGE_MIB", "24"))
SWIFT = Path(sys.executable).with_name("swift")
ODD_NAMES = ("with space", "ünïcödé ☃", "100%", "a+b&c=d;e?f#g", "-dash", ".dot", "x" * 200)


def make_tree(root: Path) -> None:
    """Copy files that every Python has, and add odd names, empty files and a large one."""
    library = Path(sysconfig.get_path("stdlib"))
    found = sorted(path for path in library.rglob("*.py") if "site-packages" not in path.parts)
    for path in found[:: max(1, len(found) // FILES)]:
        copy = root / "library" / path.relative_to(library)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    odd = root / "odd" / "folder ☃"
    odd.mkdir(parents=True)
    for number, name in enumerate(ODD_NAMES):
        (odd / name).write_bytes(random.Random(number).randbytes(1000 * number))
    rng = random.Random(0)
    with (root / "large").open("wb") as file:
        for _ in range(LARGE_SIZE_MIB):
            file.write(rng.randbytes(2**20))
        file.write(b"and an odd end")


def files_of(root: Path) -> dict[str, Path]:
    """Return the files of a tree by their paths in it."""
    return {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}


class SwiftCommand:
    """The `swift` command with the credentials that a cloud wrote down."""

    def __init__(self, cloud: RunningCloud, folder: Path) -> None:
        self._cloud = cloud
        self._folder = folder

    def __call__(self, *arguments: str) -> str:
        """Run a command; return what it printed."""
        done = subprocess.run(
            [sys.executable, str(SWIFT), *arguments],
            env={**os.environ, **self._cloud.credentials()},
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    def stat(self, *arguments: str) -> dict[str, str]:
        """Return what `swift stat` shows."""
        lines = (line.partition(": ") for line in self("stat", *arguments).splitlines())
        return {name.strip(): value.strip() for name, _, value in lines}


def test_a_tree_goes_up_and_comes_down_the_same(cloud: RunningCloud, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    make_tree(tree)
    files = files_of(tree)
    size = str(sum(path.stat().st_size for path in files.values()))
    cloud.start()
    swift = SwiftCommand(cloud, tmp_path)
    swift("upload", "--quiet", "tree", "tree", "--object-name", "")
    for start in range(2):  # the second one finds everything as it was
        listed = swift("list", "tree").splitlines()
        assert set(listed) == set(files)
        assert listed == sorted(listed, key=str.encode)
        container, account = swift.stat("tree"), swift.stat()
        assert (container["Objects"], container["Bytes"]) == (str(len(files)), size)
        assert (account["Containers"], account["Objects"]) == ("1", str(len(files)))
        assert account["Bytes"] == size
        target = f"down{start}"
        swift("download", "--quiet", "tree", "-D", target)
        downloaded = files_of(tmp_path / target)
        assert set(downloaded) == set(files)
        for name, path in files.items():
            assert filecmp.cmp(path, downloaded[name], shallow=False), name
        if start == 0:
            cloud.restart()
    before = swift.stat("tree", "large")["X-Timestamp"]
    swift("upload", "--quiet", "--changed", "tree", "tree", "--object-name", "")
    assert swift.stat("tree", "large")["X-Timestamp"] == before
    swift("delete", "--quiet", "tree")
    assert swift("list") == ""
    assert swift.stat()["Objects"] == "0"
    assert cloud.payload_files() == set()


@pytest.fixture
def connection(cloud: RunningCloud) -> Iterator[Connection]:
    """A connection of the library, with a container."""
    cloud.start("--workers", "1")
    known = cloud.credentials()
    connection = Connection(known["ST_AUTH"], known["ST_USER"], known["ST_KEY"], retries=0)
    connection.put_container("c")
    yield connection
    connection.close()


def test_the_library_does_what_it_offers(connection: Connection) -> None:
    etag = connection.put_object("c", "o", b"hello", headers={"X-Object-Meta-Colour": "red"})
    assert etag == "5d41402abc4b2a76b9719d911017c592"
    headers, body = connection.get_object("c", "o")
    assert (headers["x-object-meta-colour"], body) == ("red", b"hello")
    connection.post_object("c", "o", {"X-Object-Meta-Size": "small"})
    headers = connection.head_object("c", "o")
    assert "x-object-meta-colour" not in headers
    assert headers["x-object-meta-size"] == "small"
    connection.copy_object("c", "o", "/c/copy", headers={"X-Object-Meta-Copied": "yes"})
    headers, body = connection.get_object("c", "copy")
    assert (headers["x-object-meta-size"], headers["x-object-meta-copied"]) == ("small", "yes")
    assert body == b"hello"
    connection.put_object("c", "chunked", BytesIO(b"no length"), chunk_size=4)
    assert connection.get_object("c", "chunked")[1] == b"no length"
    connection.post_container("c", {"X-Container-Meta-Owner": "me"})
    headers, rows = connection.get_container("c", full_listing=True)
    assert headers["x-container-meta-owner"] == "me"
    assert [row["name"] for row in rows] == ["chunked", "copy", "o"]
    connection.post_account({"X-Account-Meta-Plan": "free"})
    headers, containers = connection.get_account()
    assert headers["x-account-meta-plan"] == "free"
    assert [(row["name"], row["count"], row["bytes"]) for row in containers] == [("c", 3, 19)]
    assert "swift" in connection.get_capabilities()
    connection.delete_object("c", "o")
    with pytest.raises(ClientException) as caught:
        connection.get_object("c", "o")
    assert caught.value.http_status == 404
    with pytest.raises(ClientException) as caught:
        connection.delete_container("c")
    assert caught.value.http_status == 409
