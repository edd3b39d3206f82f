"""Replication: what is written into a bucket is sent to a bucket of another store as well.

Driven by the same events as notifications; see `storage/s3/events/delivery.py`.
"""
