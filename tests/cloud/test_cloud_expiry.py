"""Objects whose time comes: gone for readers at once, and from listings and disk soon after."""

import time
from functools import partial

import pytest
from running_cloud import RunningCloud, wait_for
from stopped_device import stopped_device
from swift_client import SwiftClient

pytestmark = pytest.mark.slow

LARGE = bytes(100_000)


def is_gone(client: SwiftClient, path: str) -> bool:
    """Tell whether an object is not there for readers."""
    return client.get(path).status == 404


def test_what_expires_vanishes(cloud: RunningCloud) -> None:
    cloud.start("--workers", "1")
    with SwiftClient(cloud) as client:
        client.put("/c")
        at = int(time.time()) + 2
        assert client.put("/c/small", b"small", X_Delete_At=str(at)).status == 201
        assert client.put("/c/large", LARGE, X_Delete_After="2").status == 201
        assert client.put("/c/replaced", b"old", X_Delete_After="2").status == 201
        assert client.put("/c/replaced", b"new").status == 201
        assert client.put("/c/spared", b"spared", X_Delete_After="2").status == 201
        assert client.post("/c/spared", X_Remove_Delete_At="").status == 202
        assert client.put("/c/doomed", b"doomed").status == 201
        assert client.post("/c/doomed", X_Delete_After="2").status == 202
        assert client.head("/c/small").headers["x-delete-at"] == str(at)
        assert client.get("/c/large").body == LARGE
        for name in ("small", "large", "doomed"):
            wait_for(partial(is_gone, client, f"/c/{name}"))
            assert client.head(f"/c/{name}").status == 404
            assert client.post(f"/c/{name}", X_Object_Meta_A="b").status == 404
            assert client.delete(f"/c/{name}").status == 404
            assert time.time() >= at
        wait_for(lambda: len(client.listing("/c")) == 2, patience_s=10)
        assert [row["name"] for row in client.listing("/c")] == ["replaced", "spared"]
        assert client.head("/c").headers["x-container-bytes-used"] == "9"
        wait_for(lambda: client.head("").headers["x-account-bytes-used"] == "9")
        assert client.get("/c/replaced").body == b"new"
        assert client.get("/c/spared").body == b"spared"
        wait_for(lambda: not cloud.payload_files())
        assert client.put("/c/small", b"back").status == 201
        assert client.get("/c/small").body == b"back"
        assert wait_for(lambda: cloud.role("keeper")["status"].get("expired")) == 3
    assert cloud.stop() == 0
    with stopped_device(cloud) as device:
        assert device.audit().failures == []


def test_what_expires_while_the_cloud_is_down(cloud: RunningCloud) -> None:
    cloud.start("--workers", "1")
    with SwiftClient(cloud) as client:
        client.put("/c")
        at = int(time.time()) + 2
        assert client.put("/c/o", b"x", X_Delete_At=str(at)).status == 201
        assert cloud.stop() == 0
        wait_for(lambda: time.time() >= at)
        cloud.start("--workers", "1")
        assert client.get("/c/o").status == 404
        wait_for(lambda: client.listing("/c") == [], patience_s=10)
        assert client.delete("/c").status == 204
