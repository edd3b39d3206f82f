"""Tests of the code within their own process run its sources; real clouds run what users run.

`ATOLL_INTERPRETED= pytest tests/storage` runs what is compiled, where types are held at run time;
tests that replace a part of a compiled module fail then.
"""

import os

os.environ.setdefault("ATOLL_INTERPRETED", "1")  # before anything of Atoll is loaded
