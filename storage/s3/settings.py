"""What an operator can set about the S3 API."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from atoll.config import setting
from storage.s3.events.targets import check_targets
from storage.s3.replication.remote import check_remotes

_REGION = re.compile(r"[a-z0-9-]{1,63}")
_DOMAIN = re.compile(r"[a-z0-9.-]{1,253}")


def _check_region(region: str) -> str | None:
    return None if _REGION.fullmatch(region) else "must be a name such as us-east-1"


def _check_domains(domains: tuple[str, ...]) -> str | None:
    return None if all(map(_DOMAIN.fullmatch, domains)) else "must be domain names in lower case"


_OWNERSHIPS = ("BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter")


def _check_ownership(ownership: str) -> str | None:
    return None if ownership in _OWNERSHIPS else f"must be one of {', '.join(_OWNERSHIPS)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    """The S3 API: names, signatures and limits."""

    region: str = setting(
        "us-east-1",
        "The region that buckets are in and that clients sign for.",
        check=_check_region,
    )
    domains: tuple[str, ...] = setting(
        ("s3.localhost", "localhost"),
        "Domains whose sub-domains are buckets: photos.s3.localhost is the bucket photos.",
        check=_check_domains,
    )
    signature_v2: bool = setting(
        True, "Whether requests that are signed with Signature Version 2 are served."
    )
    object_size_bytes_max: int = setting(
        5 * 2**30, "Largest object or part that one request may store.", low=1, high=2**44
    )
    document_bytes_max: int = setting(
        2 * 2**20, "Longest XML or JSON document that is read.", low=65_536, high=2**26
    )
    buckets_max: int = setting(10_000, "Most buckets of an account.", low=1, high=1_000_000)
    ownership_default: str = setting(
        "ObjectWriter",
        "Who owns the objects of buckets that do not say: ObjectWriter, BucketOwnerPreferred or "
        "BucketOwnerEnforced, which switches access control lists off.",
        check=_check_ownership,
    )
    website_domains: tuple[str, ...] = setting(
        ("s3-website.localhost",),
        "Domains whose sub-domains are the websites of buckets.",
        check=_check_domains,
    )
    kms_key_file: Path | None = setting(
        None, "TOML file with the master keys of SSE-KMS; without it there is only aws/s3."
    )
    sse_c_requires_tls: bool = setting(
        False, "Whether keys that customers bring with requests are refused without TLS."
    )
    lifecycle_interval_s: float = setting(
        3600.0, "How often the lifecycle rules of all buckets are applied.", low=1, high=86_400
    )
    lifecycle_day_s: float = setting(
        86_400.0,
        "How long a day of a lifecycle rule is; shorter ones are for trying rules out.",
        low=1,
        high=86_400,
    )
    notification_targets: dict[str, str] = setting(
        {},
        "Where bucket notifications may go: ARN, as notification configurations name it → "
        "URL of a webhook (http, https), of Redis (redis://host/0?list=name, or ?channel=name) or "
        "of AMQP 0-9-1 (amqp or amqps://host/vhost?exchange=name&routing_key=key).",
        check=check_targets,
    )
    notification_interval_s: float = setting(
        0.5, "How often the keeper looks for new events.", low=0.01, high=3600
    )
    notification_timeout_s: float = setting(
        10.0, "How long a target may take for an event.", low=0.1, high=600
    )
    notification_age_s_max: float = setting(
        86_400.0, "Events that could not be delivered for so long are dropped.", low=1, high=10**8
    )
    notification_backlog_max: int = setting(
        10_000,
        "Most events that wait for one target; the oldest are dropped for new ones.",
        low=1,
        high=1_000_000,
    )
    access_log_interval_s: float = setting(
        300.0, "How often a worker writes the access logs of buckets.", low=1, high=86_400
    )
    inventory_interval_s: float = setting(
        600.0, "How often the keeper looks for inventories that are due.", low=1, high=86_400
    )
    replication_targets: dict[str, str] = setting(
        {},
        "Where buckets may be replicated to: ARN, as replication rules name it → "
        "https://ACCESS_KEY:SECRET@host/bucket?region=name.",
        check=check_remotes,
    )
    replication_timeout_s: float = setting(
        60.0, "How long the other store may take for a piece of an object.", low=1, high=3600
    )
