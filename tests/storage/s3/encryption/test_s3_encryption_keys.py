"""Master keys, the keys they protect, and the file they stand in."""

import tomllib
from base64 import b64encode
from pathlib import Path

import pytest

from atoll.world.simulated import simulated_world
from storage.proxy.errors import PayloadLostError, SealedError
from storage.s3.encryption.keyring import (
    KeyFileError,
    Keyring,
    MasterKey,
    bare_id,
    parse_keys,
    read_key_file,
)
from storage.s3.encryption.seal import Mode, Place, Seal, seal_of
from storage.s3.errors import S3Error

PLACE = Place("AUTH_test", "bucket", "key")
ID = bytes(range(16))
DATA_KEY = bytes(range(32))
ONE, TWO = b"1" * 32, b"2" * 32


def seal(**fields: object) -> Seal:
    return Seal(Mode.KMS, ID, "key-1", 1)._replace(**fields)  # type: ignore[arg-type]


def test_a_data_key_opens_where_it_belongs_and_nowhere_else() -> None:
    wrapped = seal(context="e30=").wrap(ONE, PLACE, DATA_KEY)
    kept = seal_of(wrapped.to_system())
    assert kept == wrapped
    assert kept.unwrap(ONE, PLACE) == DATA_KEY
    others = [PLACE._replace(**{field: "other"}) for field in Place._fields]
    wrong = [(kept, TWO, PLACE), *((kept, ONE, other) for other in others)]
    changes = ({"context": ""}, {"object_id": bytes(16)}, {"mode": Mode.CLUSTER})
    wrong += ((kept._replace(**changed), ONE, PLACE) for changed in changes)
    for one, master, place in wrong:
        with pytest.raises(PayloadLostError):
            one.unwrap(master, place)


def test_a_seal_shows_no_key() -> None:
    text = str(seal(mode=Mode.CUSTOMER, check=seal().check_of(ONE)).to_system())
    for secret in (ONE, DATA_KEY):
        assert b64encode(secret).decode() not in text
        assert secret.hex() not in text
    assert "1111" not in repr(MasterKey({1: ONE}))


def test_an_unknown_form_is_not_guessed_at() -> None:
    system = {name: text.replace('"v":1', '"v":2') for name, text in seal().to_system().items()}
    with pytest.raises(PayloadLostError):
        seal_of(system)


def test_a_key_is_rotated_by_adding_a_version() -> None:
    ring = Keyring(b"secret" * 8, {"key-1": MasterKey({1: ONE, 2: TWO})})
    assert ring.newest_version("key-1") == 2
    assert ring.master(seal()) == ONE
    assert ring.master(seal(kms_version=2)) == TWO
    with pytest.raises(S3Error, match=r"KMS\.NotFound"):
        ring.master(seal(kms_version=3))


def test_keys_that_cannot_be_used() -> None:
    ring = Keyring(b"secret" * 8, {"off": MasterKey({1: ONE}, is_enabled=False)})
    with pytest.raises(S3Error, match=r"KMS\.NotFound"):
        ring.newest_version("none")
    with pytest.raises(S3Error, match=r"KMS\.Disabled"):
        ring.newest_version("off")
    with pytest.raises(SealedError):
        ring.master(seal(mode=Mode.CUSTOMER))


def test_the_clusters_keys_are_its_own_and_differ() -> None:
    ring, other = Keyring(b"secret" * 8), Keyring(b"another" * 8)
    cluster, default = seal(mode=Mode.CLUSTER), seal(kms_key="aws/s3")
    keys = {one.master(kind) for one in (ring, other) for kind in (cluster, default)}
    assert len(keys) == 4
    assert ring.newest_version("aws/s3") == 1


@pytest.mark.parametrize(
    "name",
    ["key-1", "alias/key-1", "arn:aws:kms:us-east-1:1:key/key-1", "arn:aws:kms:x:1:alias/key-1"],
)
def test_the_names_of_a_key(name: str) -> None:
    assert bare_id(name) == "key-1"


def table(**fields: object) -> dict[str, object]:
    return {"keys": {"one": fields}}


def test_a_key_file() -> None:
    world = simulated_world(0)
    text = f"""
        [keys."one"]
        enabled = false
        [keys."one".versions]
        1 = "{b64encode(ONE).decode()}"
        20 = "{b64encode(TWO).decode()}"
    """
    world.disk.replace(Path("/keys.toml"), text.encode())
    keys = read_key_file(Path("/keys.toml"), world)
    assert keys == {"one": MasterKey({1: ONE, 20: TWO}, is_enabled=False)}
    assert parse_keys(tomllib.loads("[keys]")) == {}


SECRET_TEXT = b64encode(ONE[:31]).decode()


@pytest.mark.parametrize(
    "tables",
    [
        {},
        {"keys": []},
        {"keys": {}, "more": 1},
        {"keys": {"one": SECRET_TEXT}},
        table(),
        table(versions={}),
        table(versions={"1": SECRET_TEXT}),
        table(versions={"1": 5}),
        table(versions={"0": b64encode(ONE).decode()}),
        table(versions={"a": b64encode(ONE).decode()}),
        table(versions={"1": "%" + SECRET_TEXT}),
        table(versions={"1": b64encode(ONE).decode()}, enabled="yes"),
        table(versions={"1": b64encode(ONE).decode()}, other=1),
    ],
)
def test_key_files_that_are_refused_show_no_key(tables: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="key") as refused:
        parse_keys(tables)
    assert SECRET_TEXT not in str(refused.value)


@pytest.mark.parametrize("text", [None, SECRET_TEXT, '[keys."a"]'])
def test_files_that_are_no_key_files(text: str | None) -> None:
    world = simulated_world(0)
    if text is not None:
        world.disk.replace(Path("/keys.toml"), text.encode())
    with pytest.raises(KeyFileError, match=r"/keys\.toml") as refused:
        read_key_file(Path("/keys.toml"), world)
    assert SECRET_TEXT not in str(refused.value)
