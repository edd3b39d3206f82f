"""What Swift's users do with its features, by their programs: swift, rclone, restic, a browser.

rclone and restic are run where the machine has them; python-swiftclient always.
"""

import io
import os
import random
import shutil
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import pytest
from running_cloud import RunningCloud
from swiftclient.client import Connection
from swiftclient.utils import generate_temp_url

pytestmark = pytest.mark.slow

SWIFT = Path(sys.executable).with_name("swift")
KEY = "a key"
needs_rclone = pytest.mark.skipif(not shutil.which("rclone"), reason="rclone is not installed")
needs_restic = pytest.mark.skipif(not shutil.which("restic"), reason="restic is not installed")


def run(
    cloud: RunningCloud, folder: Path, *command: str, more: Mapping[str, str] | None = None
) -> str:
    """Run a program with the credentials that a cloud wrote down; return what it printed."""
    done = subprocess.run(
        command,
        env={**os.environ, **cloud.credentials(), "HOME": str(folder), **(more or {})},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def swift(cloud: RunningCloud, folder: Path, *arguments: str) -> str:
    """Run the `swift` command."""
    return run(cloud, folder, sys.executable, str(SWIFT), *arguments)


def fetch(url: str, **request: object) -> tuple[int, Mapping[str, str], bytes]:
    """Ask as a browser does, without a token."""
    asked = urllib.request.Request(url, **request)  # type: ignore[arg-type]
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


@pytest.fixture
def connection(cloud: RunningCloud) -> Iterator[Connection]:
    """python-swiftclient, signed in."""
    known = cloud.credentials()
    connection = Connection(known["ST_AUTH"], known["ST_USER"], known["ST_KEY"])
    yield connection
    connection.close()


@pytest.fixture
def container(connection: Connection) -> str:
    """A new container."""
    name = f"c-{uuid4().hex}"
    connection.put_container(name)
    return name


def test_a_file_in_segments(cloud: RunningCloud, tmp_path: Path, container: str) -> None:
    content = random.Random(0).randbytes(1_000_000)
    (tmp_path / "large").write_bytes(content)
    swift(cloud, tmp_path, "upload", "--use-dlo", "-S", "100000", container, "large")
    (tmp_path / "large").unlink()
    swift(cloud, tmp_path, "download", container, "large")
    assert (tmp_path / "large").read_bytes() == content
    assert len(swift(cloud, tmp_path, "list", f"{container}_segments").splitlines()) == 10
    swift(cloud, tmp_path, "delete", container)
    assert swift(cloud, tmp_path, "list", f"{container}_segments") == ""


def test_a_file_in_segments_with_a_static_manifest(
    cloud: RunningCloud, tmp_path: Path, connection: Connection, container: str
) -> None:
    content = random.Random(1).randbytes(1_000_000)
    (tmp_path / "large").write_bytes(content)
    upload = ("upload", "--use-slo", "-S", "100000", container, "large")
    swift(cloud, tmp_path, *upload)
    swift(cloud, tmp_path, *upload)  # again, over the same segments
    swift(cloud, tmp_path, *upload, "--skip-identical")
    (tmp_path / "large").unlink()
    swift(cloud, tmp_path, "download", container, "large")
    assert (tmp_path / "large").read_bytes() == content
    assert connection.head_object(container, "large")["x-static-large-object"] == "True"
    swift(cloud, tmp_path, "delete", container)
    assert swift(cloud, tmp_path, "list", f"{container}_segments") == ""


def test_versions(cloud: RunningCloud, tmp_path: Path, container: str) -> None:
    swift(cloud, tmp_path, "post", container, "-H", "X-Versions-Enabled: true")
    for content in ("one", "two"):
        (tmp_path / "file").write_text(content)
        swift(cloud, tmp_path, "upload", container, "file")
    swift(cloud, tmp_path, "delete", container, "file")
    listed = swift(cloud, tmp_path, "list", container, "--versions")
    assert listed.count("file") == 3
    versions = [line for line in listed.splitlines() if line.endswith("file")]
    oldest = next(word for word in versions[-1].split() if len(word) == 24)
    swift(cloud, tmp_path, "download", container, "file", "--version-id", oldest)
    assert (tmp_path / "file").read_text() == "one"


def test_a_temporary_url(
    cloud: RunningCloud, tmp_path: Path, connection: Connection, container: str
) -> None:
    connection.put_object(container, "a b", b"content")
    connection.post_account({"X-Account-Meta-Temp-Url-Key": KEY})
    url, _ = connection.get_auth()
    root = url.removesuffix(path := url[url.index("/v1/") :])
    signed = swift(cloud, tmp_path, "tempurl", "GET", "60", f"{path}/{container}/a b", KEY).strip()
    status, headers, body = fetch(root + signed.replace(" ", "%20"))
    assert (status, body) == (200, b"content")
    assert headers["Content-Disposition"].startswith('attachment; filename="a b"')
    assert fetch(root + signed.replace(" ", "%20"), method="DELETE")[0] == 401
    put = generate_temp_url(f"{path}/{container}/new", 60, KEY, "PUT", digest="sha512")
    assert fetch(root + put, method="PUT", data=b"new")[0] == 201
    assert connection.get_object(container, "new")[1] == b"new"


def test_a_web_site(connection: Connection, container: str) -> None:
    connection.put_object(container, "index.html", b"front", content_type="text/html")
    connection.put_object(container, "pics/1.png", b"png")
    headers = {
        "X-Container-Read": ".r:*,.rlistings",
        "X-Container-Meta-Web-Index": "index.html",
        "X-Container-Meta-Web-Listings": "true",
    }
    connection.post_container(container, headers)
    site = f"{connection.get_auth()[0]}/{container}"
    assert fetch(site)[2] == b"front", "after a redirect"
    assert b'<a href="./1%2Epng">1.png</a>' in fetch(f"{site}/pics")[2]
    assert fetch(f"{site}/none")[0] == 404


def test_an_archive(connection: Connection, container: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for number in range(200):
            member = tarfile.TarInfo(f"folder/{number:03d}")
            member.size = 1000 * (number % 3)
            tar.addfile(member, io.BytesIO(bytes(member.size)))
    told: dict[str, object] = {}
    connection.put_object(
        container,
        "",
        buffer.getvalue(),
        query_string="extract-archive=tar.gz",
        headers={"Accept": "application/json"},
        response_dict=told,
    )
    assert told["status"] == 200
    assert len(connection.get_container(container)[1]) == 200
    listed = "\n".join(f"{container}/folder/{number:03d}" for number in range(200))
    _, answer = connection.post_account(
        {"Content-Type": "text/plain", "Accept": "application/json"},
        query_string="bulk-delete",
        data=listed.encode(),
    )
    assert b'"Number Deleted": 200' in answer
    connection.delete_container(container)


def test_swift_delete_uses_what_the_cloud_offers(
    cloud: RunningCloud, tmp_path: Path, connection: Connection, container: str
) -> None:
    for number in range(30):
        connection.put_object(container, f"o{number}", b"x")
    assert len(swift(cloud, tmp_path, "delete", container).splitlines()) >= 30
    assert container not in swift(cloud, tmp_path, "list").splitlines()
    assert "bulk_delete" in swift(cloud, tmp_path, "capabilities")


@needs_rclone
def test_rclone(cloud: RunningCloud, tmp_path: Path, container: str) -> None:
    known = cloud.credentials()
    remote = {
        "RCLONE_CONFIG_ATOLL_TYPE": "swift",
        "RCLONE_CONFIG_ATOLL_AUTH": known["ST_AUTH"],
        "RCLONE_CONFIG_ATOLL_USER": known["ST_USER"],
        "RCLONE_CONFIG_ATOLL_KEY": known["ST_KEY"],
        "RCLONE_CONFIG_ATOLL_AUTH_VERSION": "1",
        "RCLONE_CONFIG_ATOLL_CHUNK_SIZE": "256k",
    }
    tree = tmp_path / "tree"
    (tree / "deep" / "er").mkdir(parents=True)
    chance = random.Random(1)
    for name, size in (("a", 0), ("deep/b ☃", 70_000), ("deep/er/large", 1_000_000)):
        (tree / name).write_bytes(chance.randbytes(size))

    def rclone(*arguments: str) -> str:
        return run(cloud, tmp_path, "rclone", *arguments, more=remote)

    place = f"atoll:{container}/in"
    rclone("sync", "tree", place)
    rclone("check", "tree", place, "--download")
    rclone("moveto", f"{place}/a", f"{place}/moved")
    assert sorted(rclone("lsf", "-R", "--files-only", place).splitlines()) == [
        "deep/b ☃",
        "deep/er/large",
        "moved",
    ]
    rclone("purge", f"atoll:{container}")


@needs_restic
def test_restic(cloud: RunningCloud, tmp_path: Path, container: str) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(20):
        (tree / f"f{number}").write_bytes(random.Random(number).randbytes(50_000))
    secret = {
        "RESTIC_PASSWORD": "x",
        "RESTIC_REPOSITORY": f"swift:{container}:/backup",
        "RESTIC_CACHE_DIR": str(tmp_path / "cache"),
    }

    def restic(*arguments: str) -> str:
        return run(cloud, tmp_path, "restic", *arguments, more=secret)

    restic("init")
    restic("backup", "tree")
    restic("check", "--read-data")
    restic("restore", "latest", "--target", "restored")
    for path in tree.iterdir():
        assert (tmp_path / "restored" / "tree" / path.name).read_bytes() == path.read_bytes()
    restic("forget", "latest", "--keep-last", "1", "--prune")


def test_an_object_that_expires(connection: Connection, container: str) -> None:
    connection.put_object(container, "o", b"x", headers={"X-Delete-After": "1"})
    url = f"{connection.get_auth()[0]}/{container}/o"
    connection.post_container(container, {"X-Container-Read": ".r:*"})
    assert fetch(url)[0] == 200
    deadline_s = time.monotonic() + 30
    while fetch(url)[0] == 200:
        assert time.monotonic() < deadline_s
    assert fetch(url)[0] == 404


def test_swift_recon(cloud: RunningCloud, tmp_path: Path) -> None:
    """Swift's own monitor, with rings that say where this cloud listens."""
    from swift.common.ring import RingBuilder

    (tmp_path / "swift.conf").write_text(
        "[swift-hash]\nswift_hash_path_suffix = x\n[storage-policy:0]\nname = gold\ndefault = yes\n"
    )
    for name in ("account", "container", "object"):
        builder = RingBuilder(2, 1, 1)
        device = {"region": 1, "zone": 1, "ip": "127.0.0.1", "port": cloud.port}
        builder.add_dev({**device, "device": "d0", "weight": 1, "replication_ip": "127.0.0.1"})
        builder.rebalance(seed=1)
        builder.get_ring().save(str(tmp_path / f"{name}.ring.gz"))
    command = (sys.executable, str(SWIFT.with_name("swift-recon")))
    asked = ("-r", "-u", "-d", "-l", "-q", "--sockstat", "--time", "--swift-versions", "--auditor")
    for server, more in (
        ("account", ()),
        ("container", ("--updater",)),
        ("object", ("--expirer",)),
    ):
        told = run(cloud, tmp_path, *command, server, "--swiftdir", str(tmp_path), *asked, *more)
        assert "[1m_load_avg]" in told
        assert "Disk usage: space used" in told
        assert "[tcp_in_use]" in told
        assert "1/1 hosts matched" in told, "on time"
        assert "ERROR" not in told
