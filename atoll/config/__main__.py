"""Prints docs/config.md."""

import sys

from atoll.config.reference import reference

sys.stdout.write(reference())
