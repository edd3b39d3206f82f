"""Static users: the file, the keys and the tokens."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoll.world import World, real_world
from atoll.world.simulated import SimulatedClock, simulated_world
from storage.auth.static_users import TOKEN_LIFETIME_S, StaticUsers
from storage.auth.tokens import Claim, TokenMaker
from storage.auth.users_file import (
    User,
    UsersFileError,
    create_users_file,
    parse_users,
    read_users_file,
)

SECRET = b"0123456789abcdef0123456789abcdef"
ADMIN = User("demo:admin", "s3cret", "AUTH_demo", frozenset(["admin"]))
MEMBER = User("demo:member", "other", "AUTH_demo", frozenset(), frozenset(["staff"]))
ROOT = User("ops:root", "root", "AUTH_ops", frozenset(["reseller_admin"]))
USERS = {user.name: user for user in (ADMIN, MEMBER, ROOT)}


def make(
    clock: SimulatedClock, users: dict[str, User] = USERS, secret: bytes = SECRET
) -> StaticUsers:
    return StaticUsers(users, secret, clock)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


async def test_right_key_gives_a_token_that_identifies(clock: SimulatedClock) -> None:
    users = make(clock)
    grant = await users.authenticate("demo:admin", "s3cret")
    assert grant is not None
    assert grant.token.startswith("AUTH_tk")
    assert grant.identity.expires_s == clock.wall_ns() // 10**9 + TOKEN_LIFETIME_S
    assert await users.identify(grant.token) == grant.identity
    assert await make(clock).identify(grant.token) == grant.identity, "another process agrees"


@pytest.mark.parametrize(
    ("user", "key"),
    [
        ("demo:admin", "wrong"),
        ("demo:admin", ""),
        ("demo:nobody", "s3cret"),
        ("demo:nobody", ""),
        ("", ""),
        ("demo:admin", "s3cr\udcff"),
        ("dem\udcff:admin", "s3cret"),
    ],
)
async def test_anything_else_gives_nothing(clock: SimulatedClock, user: str, key: str) -> None:
    assert await make(clock).authenticate(user, key) is None


async def test_groups_are_tempauths(clock: SimulatedClock) -> None:
    users = make(clock)
    groups = {}
    for user in USERS.values():
        grant = await users.authenticate(user.name, user.key)
        assert grant is not None
        groups[user.name] = grant.identity
    assert groups["demo:admin"].groups == {"demo", "demo:admin", "AUTH_demo"}
    assert groups["demo:member"].groups == {"demo", "demo:member", "staff"}
    assert groups["ops:root"].groups == {"ops", "ops:root"}
    assert [identity.is_reseller_admin for identity in groups.values()] == [False, False, True]


async def test_token_ends_with_its_time(clock: SimulatedClock) -> None:
    users = make(clock)
    grant = await users.authenticate("demo:admin", "s3cret")
    assert grant is not None
    clock.offset_ns += (TOKEN_LIFETIME_S - 1) * 10**9
    assert await users.identify(grant.token) == grant.identity
    clock.offset_ns += 10**9
    assert await users.identify(grant.token) is None


async def test_token_ends_with_its_key_its_user_and_the_secret(clock: SimulatedClock) -> None:
    grant = await make(clock).authenticate("demo:admin", "s3cret")
    assert grant is not None
    new_key = {**USERS, "demo:admin": ADMIN._replace(key="changed")}
    assert await make(clock, new_key).identify(grant.token) is None
    assert await make(clock, {"ops:root": ROOT}).identify(grant.token) is None
    assert await make(clock, USERS, SECRET[::-1]).identify(grant.token) is None


async def test_token_carries_changed_roles(clock: SimulatedClock) -> None:
    grant = await make(clock).authenticate("demo:admin", "s3cret")
    assert grant is not None
    demoted = {**USERS, "demo:admin": ADMIN._replace(roles=frozenset())}
    identity = await make(clock, demoted).identify(grant.token)
    assert identity is not None
    assert "AUTH_demo" not in identity.groups


MAKER = TokenMaker(SECRET, "AUTH_tk")
TOKEN = MAKER.make(Claim("demo:admin", 1_800_000_000, b"12345678"))


def test_token_format_is_stable() -> None:
    assert TOKEN == "AUTH_tklAGqZGVtbzphZG1pbs5rSdIAxAgxMjM0NTY3ODkiZyfxMPw7xt7WjyKWfR4"
    assert MAKER.read(TOKEN) == Claim("demo:admin", 1_800_000_000, b"12345678")


@given(st.integers(0, len(TOKEN) - 1), st.characters())
def test_changed_token_is_refused(position: int, character: str) -> None:
    forged = TOKEN[:position] + character + TOKEN[position + 1 :]
    claim = MAKER.read(forged)
    # The last character of base64 has bits that mean nothing.
    assert claim is None or forged == TOKEN or position == len(TOKEN) - 1


@given(st.text(max_size=80))
def test_nonsense_is_refused(text: str) -> None:
    assert MAKER.read(text) is None
    assert MAKER.read("AUTH_tk" + text) is None


@given(st.text(min_size=1), st.integers(0, 2**40), st.binary(min_size=8, max_size=8))
def test_what_was_made_is_read(user: str, expires_s: int, fingerprint: bytes) -> None:
    claim = Claim(user, expires_s, fingerprint)
    token = MAKER.make(claim)
    assert MAKER.read(token) == claim
    assert token.isascii()
    assert "=" not in token


def test_prefix_is_part_of_the_token() -> None:
    assert MAKER.read(TOKEN.removeprefix("AUTH_tk")) is None
    assert TokenMaker(SECRET, "OTHER_tk").read(TOKEN) is None


async def test_endless_token_is_not_even_read(clock: SimulatedClock) -> None:
    assert await make(clock).identify("AUTH_tk" + "A" * 100_000) is None


def test_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16 bytes"):
        TokenMaker(b"short", "AUTH_tk")


async def test_fresh_file_logs_in(tmp_path: Path) -> None:
    world = real_world()
    path = tmp_path / "users.toml"
    credentials = create_users_file(path, world)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    users = StaticUsers.load(path, SECRET, world)
    grant = await users.authenticate(credentials.user, credentials.key)
    assert grant is not None
    assert grant.identity.account == credentials.account == "AUTH_demo"
    assert "AUTH_demo" in grant.identity.groups


def test_each_file_has_its_own_key() -> None:
    keys = {create_users_file(Path("users.toml"), simulated_world(seed)).key for seed in range(5)}
    assert len(keys) == 5
    assert all(len(key) == 32 for key in keys)


def test_defaults_of_a_user() -> None:
    assert parse_users({"user": [{"name": "a:b", "key": "k"}]}) == {
        "a:b": User("a:b", "k", "AUTH_a", frozenset(), frozenset())
    }


GOOD = 'name = "a:b"\nkey = "k"\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[user]]\nname = 1\nkey = 'k'", "name must be a string of 1 to 256 bytes"),
        ("[[user]]\nname = 'a'\nkey = 'k'", 'name must be "account:user"'),
        ("[[user]]\nname = ':b'\nkey = 'k'", 'name must be "account:user"'),
        ("[[user]]\nname = 'a:b'", "key must be a string"),
        ("[[user]]\nname = 'a:b'\nkey = ''", "key must be a string"),
        (f"[[user]]\n{GOOD}color = 'red'", "'color' is unknown"),
        (f"[[user]]\n{GOOD}roles = ['king']", "roles must be of admin, reseller_admin"),
        (f"[[user]]\n{GOOD}roles = 'admin'", "roles must be a list of names"),
        (f"[[user]]\n{GOOD}groups = ['']", "groups must be a list of names"),
        (f"[[user]]\n{GOOD}account = 'AUTH_'", 'account must be "AUTH_" and a name'),
        (f"[[user]]\n{GOOD}account = 'OTHER_a'", 'account must be "AUTH_" and a name'),
        (f"[[user]]\n{GOOD}account = 'AUTH_a/b'", 'account must be "AUTH_" and a name'),
        (f"[[user]]\n{GOOD}[[user]]\n{GOOD}", "user 2: 'a:b' is there twice"),
        ("[[users]]\nname = 'a:b'", "'users' is unknown"),
        ("user = 1", "user must be an array of tables"),
        ("user = [1]", "user 1 must be a table"),
        ("[[user", "Expected"),
        ("\udcff", "utf-8"),
    ],
)
def test_unusable_file_is_refused_in_one_line(text: str, complaint: str) -> None:
    world = simulated_world(1)
    path = Path("users.toml")
    world.disk.replace(path, text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsersFileError, match=r"^users\.toml: ") as caught:
        read_users_file(path, world)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_and_huge_files_are_refused() -> None:
    world: World = simulated_world(1)
    with pytest.raises(UsersFileError, match="there is no such file"):
        read_users_file(Path("users.toml"), world)
    world.disk.replace(Path("users.toml"), b"#" * (16 * 1024 * 1024 + 1))
    with pytest.raises(UsersFileError, match="is larger than"):
        read_users_file(Path("users.toml"), world)
