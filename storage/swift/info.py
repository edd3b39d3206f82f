"""`/info`: what this API can do, and its limits, as they are."""

from __future__ import annotations

import json

from atoll import __version__
from storage.swift.settings import SwiftSettings


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
    }
    return json.dumps(document).encode("ascii")
