"""The modules of the data path as machine code, where that was made from the sources that are here.

`tools/compile.py` has mypyc turn these typed modules into extension modules beside their sources,
and stamps them with the state of every source. Python prefers an extension module to a source; so
that nobody ever runs yesterday's code, `choose` passes all of them over unless every source is as
it was stamped. What is interpreted then behaves the same, at a third to half of the speed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType

MODULES = (
    "atoll.access_log",
    "atoll.branch",
    "atoll.metrics.hot",
    "storage.account.record",
    "storage.account.server",
    "storage.auth.access_keys",
    "storage.auth.authenticator",
    "storage.auth.keys",
    "storage.auth.static_users",
    "storage.auth.tokens",
    "storage.container.listing",
    "storage.container.record",
    "storage.container.row",
    "storage.container.server",
    "storage.container.versions",
    "storage.device.client",
    "storage.device.due",
    "storage.device.index",
    "storage.device.lmdb_index",
    "storage.device.local",
    "storage.device.payload",
    "storage.device.service",
    "storage.device.transaction",
    "storage.device.writer",
    "storage.front",
    "storage.http.burst",
    "storage.http.chunked",
    "storage.http.connection",
    "storage.http.deadlines",
    "storage.http.exchange",
    "storage.http.head",
    "storage.http.parser",
    "storage.http.plain_head",
    "storage.http.poller",
    "storage.http.response",
    "storage.http.service",
    "storage.http.transport",
    "storage.http.wire",
    "storage.metadata",
    "storage.mutation",
    "storage.object.effects",
    "storage.object.lock",
    "storage.object.record",
    "storage.object.server",
    "storage.object.versions",
    "storage.path",
    "storage.placement",
    "storage.proxy.accounts",
    "storage.proxy.containers",
    "storage.proxy.deletions",
    "storage.proxy.objects",
    "storage.proxy.quorum",
    "storage.proxy.recorder",
    "storage.proxy.registers",
    "storage.proxy.rows",
    "storage.proxy.store",
    "storage.proxy.turns",
    "storage.proxy.upload",
    "storage.proxy.voters",
    "storage.proxy.writes",
    "storage.reserved",
    "storage.rpc.frame",
    "storage.s3.access",
    "storage.s3.addressing",
    "storage.s3.app",
    "storage.s3.authentication",
    "storage.s3.authorization",
    "storage.s3.body",
    "storage.s3.dates",
    "storage.s3.gate",
    "storage.s3.ids",
    "storage.s3.integrity",
    "storage.s3.listing",
    "storage.s3.names",
    "storage.s3.objects.conditions",
    "storage.s3.objects.finding",
    "storage.s3.objects.headers",
    "storage.s3.objects.parts",
    "storage.s3.objects.ranges",
    "storage.s3.objects.read",
    "storage.s3.objects.uploading",
    "storage.s3.objects.write",
    "storage.s3.owner",
    "storage.s3.parameters",
    "storage.s3.request",
    "storage.s3.response",
    "storage.s3.routes",
    "storage.s3.signing.chunked",
    "storage.s3.signing.credential",
    "storage.s3.signing.payload",
    "storage.s3.signing.request",
    "storage.s3.signing.scheme",
    "storage.s3.signing.times",
    "storage.s3.signing.v4",
    "storage.s3.signing.v4_reader",
    "storage.seal",
    "storage.swift.absent",
    "storage.swift.acl",
    "storage.swift.app",
    "storage.swift.authorization",
    "storage.swift.body",
    "storage.swift.changes",
    "storage.swift.conditions",
    "storage.swift.gate",
    "storage.swift.metadata",
    "storage.swift.objects",
    "storage.swift.ranges",
    "storage.swift.read_only",
    "storage.swift.request",
    "storage.swift.response",
    "storage.swift.target",
    "storage.swift.text",
    "storage.swift.times",
    "storage.timestamp",
    "storage.worker",
)
"""What is compiled: what every request runs through. Start-up, tools and the rest gain nothing."""

ROOT = Path(__file__).parents[1]
STAMP = ROOT / "atoll" / "compiled.stamp"
INTERPRETED = "ATOLL_INTERPRETED"
"""An environment variable: set to anything but nothing, the sources are interpreted."""


def source_of(module: str) -> Path:
    """Return the path of a module's source."""
    return ROOT / (module.replace(".", "/") + ".py")


def stamp() -> str:
    """Return what tells this Python and the sources as they are from any others.

    Raises:
        FileNotFoundError: a source is missing.
    """
    found = [source_of(module).stat() for module in MODULES]
    states = [(one.st_size, one.st_mtime_ns) for one in found]
    return repr((sys.implementation.cache_tag, MODULES, states))


def is_current() -> bool:
    """Tell whether there are compiled modules that were made from the sources that are here."""
    try:
        return STAMP.read_text() == stamp()
    except FileNotFoundError:
        return False


class _SourceFinder:
    """Finds the sources of the modules in question, whatever lies beside them."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in MODULES:
            return None
        source = str(source_of(name))
        spec = ModuleSpec(name, SourceFileLoader(name, source), origin=source)
        spec.has_location = True
        return spec


def choose() -> bool:
    """See that the modules are loaded compiled where they may be, interpreted else; once, early.

    Returns:
        Whether compiled.
    """
    if not os.environ.get(INTERPRETED) and is_current():
        return True
    sys.meta_path.insert(0, _SourceFinder)
    return False
