#!/bin/sh
# Installs the S3 clients that tests/clients/s3 drives, as their users have them, and the RabbitMQ
# that notifications are tested with; `make test` calls it.
#
#   tools/clients.sh
#
# Programs come from the machine's packages (apt-get, as root or through sudo). Each file of
# tools/clients/ pins the packages of one Python environment, .venv-clients/<name>: some clients
# exclude each other, and one is there in two generations.
set -eu
cd "$(dirname "$0")/.."

python=$PWD/.venv/bin/python
say() { echo "clients: $*" >&2; }

missing=
for program in s3cmd rclone restic s3fs fusermount rabbitmq-server; do
    command -v "$program" >/dev/null || missing="$missing $program"
done
if [ -n "$missing" ]; then
    if ! command -v apt-get >/dev/null; then
        say "this machine needs$missing; there is no apt-get here to install it with"
        exit 1
    fi
    as_root=
    [ "$(id -u)" = 0 ] || as_root=sudo
    say "installing$missing"
    apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0"
    $apt update
    # shellcheck disable=SC2046,SC2086 - a list of words
    $apt install -y --no-install-recommends $(echo $missing | sed 's/fusermount/fuse3/') >/dev/null
    case $missing in *rabbitmq*)  # tests run their own
        [ ! -d /run/systemd/system ] || $as_root systemctl --quiet disable --now rabbitmq-server ;;
    esac
fi

for pins in tools/clients/*.txt; do
    environment=.venv-clients/$(basename "$pins" .txt)
    if ! cmp -s "$pins" "$environment/pins.txt"; then
        say "building $environment"
        rm -rf "$environment"
        "$python" -m venv "$environment"
        "$environment/bin/python" -m pip --quiet --disable-pip-version-check --no-input \
            install --no-deps -r "$pins"
        cp "$pins" "$environment/pins.txt"
    fi
done
touch .venv-clients/installed
