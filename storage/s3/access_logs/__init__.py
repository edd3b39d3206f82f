"""Server access logs: what was asked of a bucket, written as objects into another one.

Best effort, as at AWS: a worker gathers lines in memory and writes them at an interval, when they
are many, and when it stops. A worker that is killed takes at most one interval's lines with it.
"""
