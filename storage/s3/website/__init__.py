"""Buckets as websites: `configuration` reads what an owner wants, `site` serves it."""
