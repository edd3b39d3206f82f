"""The handlers of all sub-resources of buckets."""

from __future__ import annotations

from collections.abc import Mapping

from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.subresources.acl import Acls
from storage.s3.subresources.cors import CORS, Preflights
from storage.s3.subresources.documents import Documents
from storage.s3.subresources.encryption import ENCRYPTION
from storage.s3.subresources.inventory import Inventories
from storage.s3.subresources.lifecycle import Lifecycles
from storage.s3.subresources.logging import Logging
from storage.s3.subresources.notification import Notifications
from storage.s3.subresources.policy import BucketPolicies
from storage.s3.subresources.public_access import PublicAccess
from storage.s3.subresources.replication import Replication
from storage.s3.subresources.tagging import TAGGING
from storage.s3.subresources.website import SITE


def handlers(services: Services) -> Mapping[str, Handler]:
    """Return the handlers of this package by operation."""
    return {
        **Acls(services).handlers(),
        **BucketPolicies(services).handlers(),
        **Documents(services, CORS).handlers(),
        **Documents(services, ENCRYPTION).handlers(),
        **Documents(services, SITE).handlers(),
        **Documents(services, TAGGING).handlers(),
        **Inventories(services).handlers(),
        **Lifecycles(services).handlers(),
        **Logging(services).handlers(),
        **Notifications(services).handlers(),
        **Preflights(services).handlers(),
        **PublicAccess(services).handlers(),
        **Replication(services).handlers(),
    }
