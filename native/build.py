"""Builds `native._kernels`: run by setup.py on install, or as a script to build in place.

No SIMD flag appears here on purpose: each SIMD file raises its own functions' target, and the rest
runs on the plainest CPU of the architecture.
"""

from __future__ import annotations

import os
from pathlib import Path

from cffi import FFI

_ROOT = Path(__file__).resolve().parent.parent
_SOURCES = _ROOT / "native" / "src"


def _declarations() -> str:
    """The public header as cffi reads C: without preprocessor lines."""
    lines = (_SOURCES / "kernels.h").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("#"))


ffibuilder = FFI()
ffibuilder.cdef(_declarations())
ffibuilder.set_source(
    "native._kernels",
    '#include "kernels.h"',
    # setuptools wants paths relative to setup.py.
    sources=sorted(str(path.relative_to(_ROOT)) for path in _SOURCES.glob("*.c")),
    depends=sorted(str(path.relative_to(_ROOT)) for path in _SOURCES.glob("*.h")),
    include_dirs=[str(_SOURCES.relative_to(_ROOT))],
    extra_compile_args=["-O3", "-std=gnu11", "-Wall", "-Wextra", "-fvisibility=hidden"],
)

if __name__ == "__main__":
    os.chdir(_ROOT)
    built = Path(ffibuilder.compile(verbose=True))
    # The name that setup.py gives it: of two files, Python would load the one with the longer name.
    built.replace(built.with_name("_kernels.abi3.so"))
