"""How buckets are served as websites: the document (GetBucketWebsite and its kin)."""

from __future__ import annotations

from storage.s3.subresources.documents import DocumentKind
from storage.s3.website.configuration import parse_website

SITE = DocumentKind("website", parse_website, "NoSuchWebsiteConfiguration", "BucketWebsite")
