"""Inventories: lists of all objects of a bucket, written as files into another one on schedule."""
