"""`make bench`: measures, and prints ratios against references of the same run.

Exits with 1 when something could not be measured; a target that is missed is a result.
"""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.load import NotInstalledError
from benchmarks.machine import Others, describe
from benchmarks.page import page
from benchmarks.report import Row, lines

SUITES = ("ring", "native", "http_floor", "store", "s3", "swift")


def main() -> int:
    """Run the suites that were asked for; return the exit code."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    machine = describe(Path(__file__).parent)
    others = Others()
    print("\n".join(machine))
    results: dict[str, list[Row]] = {}
    failed = False
    for name in options.only or SUITES:
        begin_s = time.monotonic()
        print(f"\n{name}", end="", flush=True)
        try:
            results[name] = importlib.import_module(f"benchmarks.{name}").run(options.quick)
        except NotInstalledError as missing:
            print(f": skipped, {missing}")
            continue
        except Exception as error:
            print(f": failed, {type(error).__name__}: {error}")
            failed = True
            continue
        print(f" ({time.monotonic() - begin_s:.0f} s)", *lines(results[name]), sep="\n")
    machine.append(others.describe())
    print(f"\n{machine[-1]}")
    date = datetime.now(UTC).isoformat(timespec="seconds")
    if options.page:
        options.page.write_text(page(date, machine, results))
    if options.json:
        document = {"date": date, "machine": machine}
        options.json.write_text(json.dumps(document | {"rows": results}, indent=2) + "\n")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds; under 90 s")
    parser.add_argument(
        "--only",
        action="append",
        choices=SUITES,
        metavar="NAME",
        help=f"one of {', '.join(SUITES)}; may be repeated",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there as well")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write docs/benchmarks.md")
    options = parser.parse_args()
    for file in (options.json, options.page):
        if file and not file.absolute().parent.is_dir():
            parser.error(f"{file}: there is no such folder")
    return options


if __name__ == "__main__":
    sys.exit(main())
