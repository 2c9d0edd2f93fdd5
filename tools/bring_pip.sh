#!/bin/sh
# Put pip into an environment whose Python has none to give: bring_pip.sh PYTHON
#
# Debian and Ubuntu ship Python without pip and keep pip's wheel in a package of its own. Its
# file is fetched with apt, signatures checked, into a temporary folder: no rights are needed,
# and nothing is installed on the system.
set -eu

python=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

give_up() {
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    cat "$work/log" >&2 2>/dev/null || true
    echo "This Python has no pip. Please install, as root: apt-get install python$version-venv" >&2
    exit 1
}

apt() {
    apt-get -qq -o Acquire::Retries=3 -o APT::Sandbox::User="$(id -un)" \
        -o Dir::Cache="$work/cache" "$@" >>"$work/log" 2>&1 </dev/null
}

fetch() {
    (cd "$work" && apt "$@" download python3-pip-whl)
}

command -v apt-get >/dev/null 2>&1 || give_up
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
echo "Fetching pip for $("$python" --version)" >&2
# The system's package lists do if there are any and they are not too old; else our own.
own="-o Dir::State::lists=$work/lists"
# shellcheck disable=SC2086 (two words)
fetch || { apt $own update && fetch $own; } || give_up
dpkg-deb -x "$work"/python3-pip-whl_*.deb "$work/files"
wheel=$(ls "$work"/files/usr/share/python-wheels/pip-*.whl)
"$python" "$wheel/pip" install -qq --no-index --no-deps --disable-pip-version-check "$wheel"
