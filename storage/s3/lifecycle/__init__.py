"""Lifecycle rules: what becomes of objects with time, without anybody asking.

`rules` says what is due, `document` reads rules from XML, `expiration` tells clients when an
object goes, and `worker` does what is due, in the keeper.
"""
