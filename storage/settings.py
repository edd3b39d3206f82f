"""The store's section of the configuration."""

from __future__ import annotations

from dataclasses import dataclass

from atoll.config import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """The store: limits, deadlines and background work."""

    object_size_bytes_max: int = setting(
        5 * 2**30 + 2, "No object may be larger.", low=1, high=2**44
    )
    write_deadline_s: float = setting(
        30.0, "How long a device may take to answer a write.", low=0.1, high=3600
    )
    upload_memory_bytes_max: int = setting(
        32 * 2**20, "Memory for all uploads of a worker together.", low=2**20, high=2**36
    )
    request_deadline_s: float = setting(
        3600.0,
        "The longest that a request may take; a payload file older than twice this, and without "
        "a record, is removed.",
        low=1,
        high=7 * 86400,
    )
    clock_drift_ms_max: int = setting(
        10_000, "How far ahead of this clock another's timestamp may lie.", low=10, high=3_600_000
    )
    reclaim_age_s: int = setting(
        7 * 86400,
        "Age at which the marks of deletions may be reclaimed.",
        low=60,
        high=365 * 86400,
    )
    keeper_interval_s: float = setting(
        1.0, "Pause between the keeper's rounds for reports and expiry.", low=0.05, high=3600
    )
    audit_interval_s: float = setting(
        86400.0, "Every payload and record is verified once in this time.", low=1, high=365 * 86400
    )
    audit_bytes_per_s_max: int = setting(
        32 * 2**20, "How fast the audit may read payloads.", low=4096, high=2**40
    )
