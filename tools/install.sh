#!/bin/sh
# Makes the environment .venv and builds Atoll into it; `make` calls it when its inputs changed.
#
#   tools/install.sh run     what a cloud needs
#   tools/install.sh test    that, and what the checks and tests need
#
# What the machine lacks (Python 3.11 or later with headers, a C compiler) is installed with
# apt-get, as root or through sudo. PYTHON names an interpreter to use instead of looking for one.
set -eu
cd "$(dirname "$0")/.."

kind=${1:-run}
case $kind in
    run) target=. ;;
    test) target='.[test]' ;;
    *) echo "usage: $0 run|test" >&2; exit 2 ;;
esac

say() { echo "install: $*" >&2; }

apt_install() {
    if ! command -v apt-get >/dev/null; then
        say "this machine needs $*; there is no apt-get here to install it with"
        exit 1
    fi
    as_root=
    if [ "$(id -u)" != 0 ]; then
        as_root=sudo
    fi
    say "installing $*"
    apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0"
    $apt update
    $apt install -y --no-install-recommends "$@" >/dev/null
}

# Whether a Python is new enough.
is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# Print the first Python that is new enough.
find_python() {
    for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
        if is_new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
}

# Print the Debian package names (with prefix pythonX.Y) that a Python lacks.
lacks() {
    "$1" - <<'PYTHON'
import importlib.util, os, sys, sysconfig
name = f"python{sys.version_info.major}.{sys.version_info.minor}"
if importlib.util.find_spec("ensurepip") is None:
    print(f"{name}-venv")
if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
    print(f"{name}-dev")
PYTHON
}

missing=
command -v cc >/dev/null || missing="gcc libc6-dev"
if [ -x .venv/bin/python ] && is_new_enough .venv/bin/python; then
    python=.venv/bin/python
else
    rm -rf .venv
    python=$(find_python)
fi
if [ -z "$python" ]; then
    python=python3.11
    missing="$missing python3.11 python3.11-venv python3.11-dev"
else
    missing="$missing $(lacks "$python")"
fi
# shellcheck disable=SC2086 - a list of words
[ -z "${missing# }" ] || apt_install $missing
[ -d .venv ] || "$python" -m venv .venv

say "building for $kind (the first time takes a minute)"
pip=".venv/bin/python -m pip --quiet --disable-pip-version-check --no-input"
# The build tools stand in .venv at pinned versions, so a build needs no environment of its own.
$pip install -c constraints.txt pip setuptools cffi mypy types-cffi
# The compat mode names this folder in a .pth file; the default one would run an import hook at
# every start of Python, 8 ms for each process of a cloud (and warns of itself no less).
PYTHONWARNINGS=ignore $pip install -c constraints.txt --no-build-isolation \
    --config-settings editable_mode=compat -e "$target"

touch .venv/installed-run
[ "$kind" = run ] || touch .venv/installed-test
