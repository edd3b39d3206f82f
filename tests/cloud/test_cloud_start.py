"""How a cloud starts, stops, and says no: one line and exit code 2."""

import json
import os
import signal
import socket
import ssl
from pathlib import Path

import pytest
import trustme
from running_cloud import RunningCloud, wait_for
from swift_client import Broken, Login, SwiftClient, log_in

pytestmark = pytest.mark.slow

START_CPU_S_MAX = 6.0  # of all processes; two cores to themselves are up in well under 2 s
HALF = bytes(range(256)) * 400


def cpu_s(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_cloud_from_nothing(cloud: RunningCloud) -> None:
    cloud.start("--workers", "2")
    assert sum(map(cpu_s, (*cloud.role_pids(), cloud.supervisor_pid))) < START_CPU_S_MAX
    folder = cloud.folder.root
    assert folder.stat().st_mode & 0o777 == 0o700
    for name in ("credentials.env", "users.toml", "cluster.json"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600, name
    known = cloud.credentials()
    swift = {"ST_AUTH", "ST_USER", "ST_KEY"}
    keys = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    assert set(known) == swift | keys | {"AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION"}
    with SwiftClient(cloud) as client:
        assert client.put("/c").status == 201
        assert client.put("/c/o", b"here").status == 201
        cloud.restart("--workers", "1")
        assert cloud.credentials()["ST_KEY"] == known["ST_KEY"]
        assert client.get("/c/o").body == b"here"  # and the token is still good
    assert cloud.stop() == 0
    for secret in ("ST_KEY", "AWS_SECRET_ACCESS_KEY"):
        assert known[secret] not in cloud.screen + cloud.errors
    assert "swift upload" in cloud.screen
    assert "aws s3 sync" in cloud.screen


def test_status_and_down(cloud: RunningCloud) -> None:
    assert cloud.atoll("status").returncode == 1
    done = cloud.atoll("up", "--detach", "--listen", "127.0.0.1:0", "--workers", "1")
    assert (done.returncode, done.stderr) == (0, "")
    status = json.loads(cloud.atoll("status", "--json").stdout)
    assert [role["name"] for role in status["roles"]] == ["disk-0", "worker-0", "keeper"]
    cloud.port = int(status["listen"].rpartition(":")[2])
    cloud.starts += 1
    with SwiftClient(cloud) as client:
        client.put("/c")
        client.put("/c/o", b"")
    wait_for(lambda: " objects=1 " in cloud.atoll("status").stdout)
    assert cloud.atoll("down").stdout == "stopped\n"
    assert cloud.role_pids() == []
    assert "Traceback" not in cloud.folder.log.read_text()


@pytest.mark.parametrize("name", ["disk-0", "worker-0", "keeper"])
def test_a_killed_role_comes_back(cloud: RunningCloud, name: str) -> None:
    cloud.start("--workers", "1")
    with SwiftClient(cloud) as client:
        client.put("/c")
        before = cloud.pid(name)
        cloud.kill(name)
        wait_for(lambda: cloud.pid(name) != before)
        cloud.wait_until_running()
        client.close()
        assert client.put("/c/o", HALF).status == 201
        assert client.get("/c/o").body == HALF
    assert cloud.role(name)["deaths"] == 1


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_requests_under_way_are_finished(cloud: RunningCloud, sign: signal.Signals) -> None:
    cloud.start("--workers", "2")
    login = log_in(cloud)
    with SwiftClient(cloud, login) as upload, SwiftClient(cloud, login) as idle:
        assert idle.put("/c").status == 201
        upload.begin("PUT", "/c/o", {"Content-Length": str(2 * len(HALF))})
        upload.send(HALF)
        cloud.signal(sign)
        wait_for(lambda: refuses_connections(cloud.port))
        upload.send(HALF)
        assert upload.end().status == 201
        assert cloud.wait() == 0
        with pytest.raises(Broken):
            idle.head("/c")
    cloud.start("--workers", "1")
    with SwiftClient(cloud, login) as client:
        assert client.get("/c/o").body == HALF + HALF


def refuses_connections(port: int) -> bool:
    """Tell whether nobody listens on a port any more."""
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False


def test_requests_that_do_not_end_are_cut_off(cloud: RunningCloud) -> None:
    cloud.start("--workers", "1", "--set", "server.stop_deadline_s=0.5")
    login = log_in(cloud)
    with SwiftClient(cloud, login) as client:
        client.put("/c")
        client.begin("PUT", "/c/o", {"Content-Length": str(2 * len(HALF))})
        client.send(HALF)
        assert cloud.stop() == 0
        with pytest.raises(Broken):
            client.end()
        cloud.start("--workers", "1")
        assert client.get("/c/o").status == 404
    assert cloud.payload_files() == set()


def one_line(cloud: RunningCloud, *arguments: str) -> str:
    """Return the only line in which `atoll up` says no."""
    done = cloud.atoll("up", *arguments)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("atoll: ")
    return line


def test_a_port_that_is_taken(cloud: RunningCloud) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert f"cannot listen on {address}" in one_line(cloud, "--listen", address)
    assert not cloud.folder.root.exists()


def test_what_contradicts_the_folder(cloud: RunningCloud) -> None:
    listen = ("--listen", "127.0.0.1:0")
    assert "replicas need as many devices" in one_line(cloud, *listen, "--replicas", "3")
    cloud.start("--workers", "1")
    assert "a cloud already runs on" in one_line(cloud, *listen)
    assert cloud.stop() == 0
    kept = {path: path.stat().st_mtime_ns for path in cloud.folder.root.glob("*.*")}
    assert "was made with 1 devices" in one_line(cloud, *listen, "--devices", "2")
    assert "was made with 1 replicas" in one_line(cloud, *listen, "--replicas", "2")
    cluster = cloud.folder.root / "cluster.json"
    cluster.rename(cluster.with_name("away"))
    assert "no cluster" in one_line(cloud, *listen)
    assert not cluster.exists()
    cluster.with_name("away").rename(cluster)
    assert kept == {path: path.stat().st_mtime_ns for path in cloud.folder.root.glob("*.*")}
    cloud.start("--workers", "1")


def test_tls(cloud: RunningCloud, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(str(key))
    settings = f'[server]\ntls_certificate = "{chain}"\ntls_key = "{key}"\n'
    (tmp_path / "atoll.toml").write_text(settings)
    cloud.start("--workers", "1", "--config", str(tmp_path / "atoll.toml"))
    assert cloud.credentials()["ST_AUTH"].startswith("https://")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with SwiftClient(cloud, Login("", ""), tls=context) as client:
        assert client.get("/healthcheck").body == b"OK"
    with SwiftClient(cloud, Login("", "")) as client, pytest.raises(Broken):
        client.get("/healthcheck")
