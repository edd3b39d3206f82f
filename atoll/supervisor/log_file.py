"""Keeps the log file of a detached cloud within its limit."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from atoll.log import get_logger

log = get_logger()


def limit_log_file(path: Path, size_bytes_max: int) -> None:
    """Move a log file that has grown too large to "<name>.1", replacing the one before.

    It is copied and then cut to nothing, because all processes of the cloud hold it open (and
    append to it). A line written between the two is lost.

    Args:
        path: the file; one that is not there is no longer than allowed.
        size_bytes_max: from this size on it is moved.
    """
    try:
        if path.stat().st_size < size_bytes_max:
            return
        shutil.copyfile(path, path.with_name(path.name + ".1"))
        os.truncate(path, 0)
    except FileNotFoundError:
        return
    except OSError as error:
        log.error("the log file cannot be moved", error)
