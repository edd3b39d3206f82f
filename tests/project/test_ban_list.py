"""What may not be called, with what to use instead and the few files that are the exception."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch

import pytest
from source_tree import ROOT, Source, sources

WORLD = "the World that is passed in"
ROLE = "a role run by the supervisor"


@dataclass(frozen=True)
class Ban:
    """A name that must not be used.

    Attributes:
        name: dotted, as imported; everything below it is banned too.
        instead: what to use.
        allowed: patterns of files that may use it.
    """

    name: str
    instead: str
    allowed: tuple[str, ...] = ()

    def bans(self, name: str) -> bool:
        """Return whether a dotted name is this one or below it."""
        return name == self.name or name.startswith(f"{self.name}.")


MAKERS = ("atoll/world/*.py",)
CLOCKS = ("time", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep")
BANS = (
    *(Ban(f"time.{name}", f"{WORLD}.clock, or trio's clock") for name in CLOCKS),
    *(Ban(f"time.{name}", f"{WORLD}.clock", MAKERS) for name in ("time_ns", "monotonic")),
    *(
        Ban(f"datetime.{name}", f"{WORLD}.clock")
        for name in ("datetime.now", "datetime.utcnow", "datetime.today", "date.today")
    ),
    Ban("random", f"{WORLD}.random", MAKERS),
    Ban("secrets", f"{WORLD}.random"),
    Ban("uuid.uuid1", f"{WORLD}.random"),
    Ban("uuid.uuid4", f"{WORLD}.random"),
    Ban("os.urandom", f"{WORLD}.random"),
    *(
        Ban(f"os.{name}", f"{WORLD}.disk", MAKERS)
        for name in ("open", "fsync", "fdatasync", "link", "rename", "unlink", "listdir")
    ),
    *(Ban(f"os.{name}", f"{WORLD}.disk") for name in ("replace", "remove", "sync", "mkdir")),
    Ban("os.write", f"{WORLD}.disk", (*MAKERS, "atoll/log.py", "atoll/supervisor/detach.py")),
    Ban("tempfile", f"{WORLD}.disk"),
    Ban("shutil", f"{WORLD}.disk", ("atoll/supervisor/log_file.py",)),
    Ban(
        "socket",
        f"{WORLD}.network",
        (
            *MAKERS,
            "atoll/role.py",
            "atoll/roles.py",
            "atoll/supervisor/channel.py",
            "atoll/supervisor/child.py",
            "atoll/supervisor/sockets.py",
            "storage/http/server.py",
            "storage/http/transport.py",
        ),
    ),
    Ban("trio.lowlevel.open_process", ROLE, ("atoll/supervisor/child.py",)),
    Ban("trio.run_process", ROLE, ("storage/keeper/probe.py",)),  # which may die of a bad disk
    Ban("subprocess", ROLE, ("storage/keeper/probe.py",)),
    Ban("multiprocessing", ROLE),
    Ban("os.system", ROLE),
    Ban("os.fork", ROLE, ("atoll/supervisor/detach.py",)),
    Ban("asyncio", "trio"),
    Ban("threading", "trio.to_thread.run_sync with a limiter"),
    Ban("concurrent", "trio.to_thread.run_sync with a limiter"),
    Ban("pickle", "msgpack with a magic and a version"),
    Ban("marshal", "msgpack with a magic and a version"),
    Ban("shelve", "msgpack with a magic and a version"),
    Ban("logging", "atoll.log"),
)
VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "misc", "manager", "stuff"}


def dotted_names(source: Source) -> Iterator[tuple[int, str]]:
    """Yield (line, full dotted name) for every imported module and every use of one."""
    full: dict[str, str] = {}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                full[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                full[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield node.lineno, f"{node.module}.{alias.name}"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute):
            parts: list[str] = []
            inner: ast.expr = node
            while isinstance(inner, ast.Attribute):
                parts.append(inner.attr)
                inner = inner.value
            if isinstance(inner, ast.Name) and inner.id in full:
                yield node.lineno, ".".join([full[inner.id], *reversed(parts)])


def banned_uses(source: Source) -> list[str]:
    """Return what a file uses that it may not, and the replacement."""
    found = set()
    for line, name in dotted_names(source):
        for ban in BANS:
            if ban.bans(name) and not any(fnmatch(source.name, one) for one in ban.allowed):
                found.add(f"{source.name}:{line} uses {ban.name}; use {ban.instead}")
    return sorted(found)


def silent_handlers(source: Source) -> list[str]:
    """Return the places where any error at all is swallowed."""
    return [
        f"{source.name}:{node.lineno} swallows every error"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler)
        and (
            node.type is None
            or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException"))
        )
        and all(isinstance(one, ast.Pass | ast.Continue) for one in node.body)
    ]


def bare_asserts(source: Source) -> list[str]:
    """Return the checks that vanish under ``python -O``."""
    return [
        f"{source.name}:{node.lineno} asserts; use atoll.invariant"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Assert)
    ]


@pytest.mark.parametrize("check", [banned_uses, silent_handlers, bare_asserts])
def test_nothing_banned(check) -> None:  # type: ignore[no-untyped-def]
    found = [line for source in sources() for line in check(source)]
    assert not found, "\n".join(found)


def test_modules_have_telling_names() -> None:
    found = [
        path.relative_to(ROOT).as_posix()
        for source in sources()
        for path in [ROOT / source.name]
        if VAGUE_NAMES & {path.stem, path.parent.name}
    ]
    assert not found, f"what is it about? {found}"


def test_exceptions_are_needed() -> None:
    """An allowance that nobody uses any more goes."""
    used = [(source.name, name) for source in sources() for _, name in dotted_names(source)]
    stale = [
        f"{ban.name} in {pattern}"
        for ban in BANS
        for pattern in ban.allowed
        if not any(ban.bans(name) and fnmatch(file, pattern) for file, name in used)
    ]
    assert not stale, "\n".join(stale)


def test_every_module_says_what_it_is_for() -> None:
    silent = [source.name for source in sources() if not ast.get_docstring(source.tree)]
    assert not silent


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("import time\ntime.time()", True),
        ("from time import time", True),
        ("import os\nos.open('x', 0)", True),
        ("import os\nos.path.join('x')", False),
        ("import os as o\no.fsync(1)", True),
        ("from datetime import datetime\ndatetime.now()", True),
        ("from datetime import datetime\ndatetime.fromtimestamp(0)", False),
        ("import datetime\ndatetime.datetime.now()", True),
        ("world.random.random()", False),
        ("import trio\ntrio.socket", False),
    ],
)
def test_the_ban_list_itself(text: str, wrong: bool) -> None:
    assert bool(banned_uses(Source("storage/x.py", text))) == wrong


def test_the_other_checks_themselves() -> None:
    assert bare_asserts(Source("x.py", "assert 1"))
    assert silent_handlers(Source("x.py", "try:\n    f()\nexcept Exception:\n    pass"))
    assert not silent_handlers(Source("x.py", "try:\n    f()\nexcept OSError:\n    pass"))
    assert not silent_handlers(Source("x.py", "try:\n    f()\nexcept Exception:\n    raise"))
