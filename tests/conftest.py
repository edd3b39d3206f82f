"""Tests of the code within their own process run its sources; real clouds run what users run."""

import os

os.environ["ATOLL_INTERPRETED"] = "1"  # before anything of Atoll is loaded
