"""What IAM's entities are called: ARNs and unique ids ("IAM identifiers", IAM user guide)."""

from __future__ import annotations

import re
from base64 import b32encode
from hashlib import sha256
from typing import Final, NamedTuple

from atoll.world import Random

_ID_RANDOM_BYTES: Final = 10
_ID_LENGTH: Final = 17
_ARN: Final = re.compile(
    r"arn:aws:iam::([\w+=,.@-]{1,256}):(\w{1,16})(/(?:[\x21-\x7e]{1,512}/)?)([\w+=,.@-]{1,128})",
    re.ASCII,
)

USER_ID: Final = "AIDA"
GROUP_ID: Final = "AGPA"
ROLE_ID: Final = "AROA"
POLICY_ID: Final = "ANPA"
KEY_ID: Final = "AKIA"
KEY_ID_FORM: Final = re.compile(r"AKIA[A-Z2-7]{16}")
SESSION_KEY_ID: Final = "ASIA"


class Arn(NamedTuple):
    """The parts of an ARN of IAM.

    Attributes:
        account: id; "aws" for policies that are everybody's.
        kind: "user", "group", "role" or "policy".
        path: begins and ends with a slash.
        name: of the entity.
    """

    account: str
    kind: str
    path: str
    name: str

    def __str__(self) -> str:
        return f"arn:aws:iam::{self.account}:{self.kind}{self.path}{self.name}"


def read_arn(text: str) -> Arn | None:
    """Return the parts of an ARN, or nothing where it is none of IAM's entities."""
    found = _ARN.fullmatch(text)
    return None if found is None else Arn(*found.groups())


def new_id(prefix: str, random: Random) -> str:
    """Return an id that nothing else has."""
    return prefix + b32encode(random.randbytes(_ID_RANDOM_BYTES)).decode("ascii")


def fixed_id(prefix: str, text: str) -> str:
    """Return the id of somebody whom IAM did not make."""
    return prefix + b32encode(sha256(text.encode()).digest()).decode("ascii")[:_ID_LENGTH]
