"""Bucket notifications: who wants to be told of which events, and how they are told.

Events are made with the records (`storage/object/event.py`) and queue in the devices
(`storage/device/events.py`); the keeper tells them (`delivery.py`).
"""
