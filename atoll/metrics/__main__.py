"""Prints docs/metrics.md."""

import sys

from atoll.metrics.reference import reference

sys.stdout.write(reference())
