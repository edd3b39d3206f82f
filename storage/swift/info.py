"""`/info`: what this API can do, and its limits, as they are."""

from __future__ import annotations

import json

from atoll import __version__
from storage.swift.name_rules import NameRules
from storage.swift.settings import SwiftSettings
from storage.swift.signatures import ALGORITHMS, DEPRECATED_ALGORITHMS
from storage.swift.slow_answer import HEARTBEAT_INTERVAL_S
from storage.swift.temp_urls import (
    INCOMING_REMOVED,
    METHODS,
    OUTGOING_ALLOWED,
    OUTGOING_REMOVED,
)

_DIGESTS = {"allowed_digests": ALGORITHMS, "deprecated_digests": DEPRECATED_ALGORITHMS}


def info_document(settings: SwiftSettings) -> bytes:
    """Return the document, in JSON.

    It names what is there and nothing else: clients choose by it what to use.
    """
    policies = [{"name": name, "aliases": name} for name in settings.policies]
    document = {
        "swift": {
            "version": __version__,
            "policies": [{**policies[0], "default": True}, *policies[1:]],
            "allow_account_management": True,
            "account_autocreate": True,
            "strict_cors_mode": True,
            "max_file_size": settings.object_size_bytes_max,
            "max_object_name_length": settings.object_name_bytes_max,
            "max_container_name_length": settings.container_name_bytes_max,
            "max_account_name_length": settings.account_name_bytes_max,
            "max_meta_count": settings.metadata_count_max,
            "max_meta_name_length": settings.metadata_name_bytes_max,
            "max_meta_value_length": settings.metadata_value_bytes_max,
            "max_meta_overall_size": settings.metadata_bytes_max,
            "max_header_size": settings.header_value_bytes_max,
            "container_listing_limit": settings.listing_entries_max,
            "account_listing_limit": settings.listing_entries_max,
        },
        "tempauth": {"account_acls": True},
        "tempurl": {
            "methods": METHODS,
            "incoming_remove_headers": INCOMING_REMOVED,
            "incoming_allow_headers": [],
            "outgoing_remove_headers": OUTGOING_REMOVED,
            "outgoing_allow_headers": OUTGOING_ALLOWED,
            **_DIGESTS,
        },
        "formpost": _DIGESTS,
        "staticweb": {},
        "bulk_upload": {
            "max_containers_per_extraction": settings.bulk_upload_containers_max,
            "max_failed_extractions": settings.bulk_upload_failures_max,
        },
        "bulk_delete": {
            "max_deletes_per_request": settings.bulk_deletes_max,
            "max_failed_deletes": settings.bulk_delete_failures_max,
        },
        "slo": {
            "max_manifest_segments": settings.slo_segments_max,
            "max_manifest_size": settings.slo_manifest_bytes_max,
            "yield_frequency": HEARTBEAT_INTERVAL_S,
            "min_segment_size": 1,
            "allow_async_delete": True,
        },
        "object_versioning": {},
        **_set_by_operator(settings),
    }
    return json.dumps(document).encode("ascii")


def _set_by_operator(settings: SwiftSettings) -> dict[str, object]:
    """Return what is there where the operator has set it."""
    found: dict[str, object] = {}
    if settings.cross_domain_policy:
        found["crossdomain"] = {}
    if NameRules.are_set(settings):
        found["name_check"] = {
            "forbidden_chars": settings.forbidden_characters,
            "maximum_length": settings.path_length_max or None,
            "forbidden_regexp": settings.forbidden_pattern,
        }
    if settings.storage_domains:
        found["domain_remap"] = {"default_reseller_prefix": settings.storage_domain_prefix or None}
    if settings.read_only:
        found["read_only"] = {}
    return found
