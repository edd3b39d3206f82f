"""Object lock: modes, dates and legal holds, in headers, in XML and in records.

The engine keeps what these say: `storage.proxy.engine` names the system metadata.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from storage.s3.errors import S3Error
from storage.s3.objects.conditions import RequestHeaders
from storage.s3.xml import Content, Element

MODE = "x-object-lock-mode"
UNTIL = "x-object-lock-until"
HOLD = "x-object-lock-hold"
LOCK_NAMES = (MODE, UNTIL, HOLD)

BUCKET_DEFAULT = "x-s3-object-lock-default"
"""Of a container: the retention of new objects, such as "GOVERNANCE 30 Days"."""

MODES = ("GOVERNANCE", "COMPLIANCE")
DAYS_MAX = 36_500
YEARS_MAX = 100

_DAY_S = 86_400
_ISO_DATE = re.compile(
    r"(\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?)?)(?:\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?"
)
_HEADER_MODE = b"x-amz-object-lock-mode"
_HEADER_UNTIL = b"x-amz-object-lock-retain-until-date"
_HEADER_HOLD = b"x-amz-object-lock-legal-hold"
_HEADERS = frozenset((_HEADER_MODE, _HEADER_UNTIL, _HEADER_HOLD))


class Retention(NamedTuple):
    """Until when a version may not be removed.

    Attributes:
        mode: one of `MODES`.
        until_s: seconds since 1970.
    """

    mode: str
    until_s: int

    def to_system(self) -> dict[str, str]:
        """Return the system metadata that says so."""
        return {MODE: self.mode, UNTIL: str(self.until_s)}

    def to_xml(self) -> Content:
        """Return the content of a document Retention."""
        return (("Mode", self.mode), ("RetainUntilDate", format_date(self.until_s)))


class DefaultRetention(NamedTuple):
    """The retention that a bucket gives to new objects.

    Attributes:
        mode: one of `MODES`.
        periods: how many units.
        unit: "Days" or "Years".
    """

    mode: str
    periods: int
    unit: str

    def __str__(self) -> str:
        return f"{self.mode} {self.periods} {self.unit}"

    def starting(self, now_s: float) -> Retention:
        """Return the retention of an object that is written now."""
        days = self.periods if self.unit == "Days" else self.periods * 365
        return Retention(self.mode, int(now_s) + days * _DAY_S)


def retention_of(system: Mapping[str, str]) -> Retention | None:
    """Return the retention that system metadata has, if any."""
    mode, until_s = system.get(MODE), system.get(UNTIL)
    return Retention(mode, int(until_s)) if mode and until_s else None


def default_retention(values: Mapping[str, str]) -> DefaultRetention | None:
    """Return the retention that a container's values give to new objects, if any."""
    text = values.get(BUCKET_DEFAULT)
    if not text:
        return None
    mode, periods, unit = text.split()
    return DefaultRetention(mode, int(periods), unit)


def asks_for_lock(headers: RequestHeaders) -> bool:
    """Tell whether a write asks for a lock of its own."""
    return not _HEADERS.isdisjoint(headers)


def read_lock_headers(headers: RequestHeaders, now_s: float) -> dict[str, str]:
    """Return the system metadata that the headers of a write ask for.

    Raises:
        S3Error: InvalidArgument.
    """
    system: dict[str, str] = {}
    mode, until = headers.get(_HEADER_MODE), headers.get(_HEADER_UNTIL)
    if (mode is None) is not (until is None):
        text = (
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
        )
        missing = _HEADER_MODE if mode is None else _HEADER_UNTIL
        raise S3Error("InvalidArgument", text, ArgumentName=missing.decode())
    if mode is not None and until is not None:
        if mode.decode("latin-1") not in MODES:
            raise _invalid("Unknown wormMode directive.", _HEADER_MODE, mode)
        until_s = parse_date(until.decode("latin-1"))
        if until_s is None:
            raise _invalid("The retain until date must be ISO 8601.", _HEADER_UNTIL, until)
        if until_s <= now_s:
            raise _invalid("The retain until date must be in the future!", _HEADER_UNTIL, until)
        system |= Retention(mode.decode(), until_s).to_system()
    hold = headers.get(_HEADER_HOLD)
    if hold is not None:
        if hold not in (b"ON", b"OFF"):
            raise _invalid("Legal Hold must be either of 'ON' or 'OFF'", _HEADER_HOLD, hold)
        system[HOLD] = hold.decode()
    return system


def parse_retention(document: Element, now_s: float) -> Retention | None:
    """Return what a document Retention asks for; nothing where it removes the retention.

    Raises:
        S3Error: MalformedXML or InvalidArgument.
    """
    mode, until = document.value("Mode"), document.value("RetainUntilDate")
    if mode is None and until is None and not document.children:
        return None
    until_s = parse_date(until or "")
    if mode not in MODES or until_s is None:
        raise S3Error("MalformedXML")
    if until_s <= now_s:
        text = "The retain until date must be in the future!"
        raise S3Error(
            "InvalidArgument", text, ArgumentName="RetainUntilDate", ArgumentValue=until or ""
        )
    return Retention(mode, until_s)


def parse_hold(document: Element) -> str:
    """Return what a document LegalHold asks for: ON or OFF.

    Raises:
        S3Error: MalformedXML.
    """
    status = document.value("Status")
    if status not in ("ON", "OFF"):
        raise S3Error("MalformedXML")
    return status


def parse_configuration(document: Element) -> DefaultRetention | None:
    """Return the default that a document ObjectLockConfiguration sets; nothing for none.

    Raises:
        S3Error: MalformedXML, InvalidArgument or InvalidRetentionPeriod.
    """
    if document.value("ObjectLockEnabled") != "Enabled":
        raise S3Error("MalformedXML")
    rule = document.find("Rule")
    if rule is None:
        return None
    retention = rule.find("DefaultRetention")
    if retention is None:
        raise S3Error("MalformedXML")
    mode = retention.value("Mode")
    periods = [one for one in retention if one.name in ("Days", "Years")]
    if mode not in MODES or len(periods) != 1:
        raise S3Error("MalformedXML")
    unit, text = periods[0].name, periods[0].text.strip()
    if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 10):
        raise S3Error("MalformedXML")
    count, longest = int(text), DAYS_MAX if unit == "Days" else YEARS_MAX
    if count < 1:
        text = "Default retention period must be a positive integer value."
        raise S3Error("InvalidRetentionPeriod", text)
    if count > longest:
        text = f"Default retention period too large: at most {longest} {unit}"
        raise S3Error("InvalidRetentionPeriod", text)
    return DefaultRetention(mode, count, unit)


def configuration_xml(default: DefaultRetention | None) -> Content:
    """Return the content of a document ObjectLockConfiguration."""
    if default is None:
        return (("ObjectLockEnabled", "Enabled"),)
    retention: Content = (("Mode", default.mode), (default.unit, default.periods))
    return (
        ("ObjectLockEnabled", "Enabled"),
        ("Rule", (("DefaultRetention", retention),)),
    )


def parse_date(text: str) -> int | None:
    """Return the seconds since 1970 of an ISO 8601 date, or nothing where it is none."""
    found = _ISO_DATE.fullmatch(text.strip())
    if found is None:
        return None
    try:
        moment = datetime.fromisoformat(found[1] + (found[2] or "").replace("Z", "+00:00"))
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def format_date(second: int) -> str:
    """Return seconds since 1970 in ISO 8601."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _invalid(message: str, name: bytes, value: bytes) -> S3Error:
    return S3Error(
        "InvalidArgument",
        message,
        ArgumentName=name.decode(),
        ArgumentValue=value.decode("latin-1"),
    )
