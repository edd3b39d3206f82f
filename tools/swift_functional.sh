#!/bin/sh
# Runs OpenStack Swift's own functional tests against a cloud that is started for them.
#
#   tools/swift_functional.sh                                   all of them
#   tools/swift_functional.sh test/functional/test_tempurl.py   some
#
# The tests come from the sdist of the `swift` that the environment has, fetched from PyPI once,
# with an environment of their own in build/swift-functional. Fails when a test fails that
# tools/swift_functional.known does not name, and when one that it names passes.
set -eu
cd "$(dirname "$0")/.."

root=$PWD
python=$root/.venv/bin/python
version=$("$python" -c 'from importlib.metadata import version; print(version("swift"))')
work=$root/build/swift-functional
source=$work/swift-$version
tests="test_account test_container test_object test_protocol tests test_access_control test_dlo
       test_domain_remap test_object_versioning test_slo test_staticweb test_symlink test_tempurl
       test_versioned_writes"

if [ ! -d "$source" ]; then
    mkdir -p "$work"
    "$python" -m pip download -q "swift==$version" --no-binary swift --no-deps -d "$work"
    tar -xzf "$work/swift-$version.tar.gz" -C "$work"
fi
if [ ! -x "$work/venv/bin/stamp" ]; then
    "$python" -m venv "$work/venv"
    "$work/venv/bin/pip" install -q boto3 cryptography dnspython eventlet lxml PasteDeploy \
        PyECLib pytest pytest-subtests python-keystoneclient python-swiftclient requests \
        requests-mock xattr
    ln -s python "$work/venv/bin/stamp"
fi

data=$(mktemp -d)
trap '"$root/.venv/bin/atoll" down --data "$data" >/dev/null 2>&1; rm -rf "$data"' EXIT
trap 'exit 1' HUP INT TERM
port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

user() {
    printf '[[user]]\nname = "%s"\nkey = "%s"\nroles = [%s]\n' "$1" "$2" "$3"
}
umask 077
{
    user test:tester testing '"admin"'
    user test2:tester2 testing2 '"admin"'
    user test:tester3 testing3 ''
    user test5:tester5 testing5 ''
    user test:tester6 testing6 '"reseller_admin"'
} > "$data/users.toml"
cat > "$data/atoll.toml" <<TOML
[swift]
storage_domains = ["example.com"]
TOML
cat > "$data/test.conf" <<CONF
[func_test]
auth_uri = http://127.0.0.1:$port/auth/v1.0
account = test
username = tester
password = testing
account2 = test2
username2 = tester2
password2 = testing2
username3 = tester3
password3 = testing3
account6 = test
username6 = tester6
password6 = testing6
storage_domain = example.com
collate = C
insecure = no
[unit_test]
fake_syslog = False
CONF

"$root/.venv/bin/atoll" up --data "$data" --listen "127.0.0.1:$port" --detach >/dev/null
if [ $# = 0 ]; then
    for test in $tests; do
        set -- "$@" "test/functional/$test.py"
    done
fi
echo "swift $version against 127.0.0.1:$port" >&2
: > "$work/report"
for test in "$@"; do  # each by itself, for some leave their names' alphabet to the next
    (cd "$source" && SWIFT_TEST_CONFIG_FILE=$data/test.conf \
        "$work/venv/bin/python" -m pytest -q -p no:cacheprovider --tb=short -rA \
        "$test") >> "$work/report" 2>&1 || true
    echo "${test##*/}: $(tail -n 1 "$work/report" | tr -d =)"
done

# A line of the known ones is a test, or all that begins with it, and why.
awk '
    FNR == NR { if ($1 != "" && $1 !~ /^#/) known[$1] = 1; next }
    ($1 == "PASSED" || $1 == "FAILED" || $1 == "ERROR") && $2 ~ /^test\// {
        sub("test/functional/", "", $2)
        name = ""
        for (one in known) if (index($2, one) == 1) name = one
        if (name != "") met[name] = met[name] || $1 != "PASSED"
        if (name != "") ran[name] = 1
        if (name == "" && $1 != "PASSED") { print "unexpected: " $1 " " $2; bad = 1 }
    }
    END {
        for (one in ran) if (!met[one]) { print "passes now, take it from the list: " one; bad = 1 }
        exit bad
    }
' tools/swift_functional.known "$work/report"
