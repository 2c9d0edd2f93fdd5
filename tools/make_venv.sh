#!/bin/sh
# Make the environment from the hashed locks, once: make_venv.sh FOLDER base|dev
#
# `dev` holds all of `base`. A folder made from other locks is made anew; an untouched one
# costs a few milliseconds.
set -eu

venv=$1
level=$2
here=$(dirname "$0")

digest() {
    cat "$@" | cksum
}

locks=$(digest requirements/*.lock)
project=$(digest pyproject.toml)

stamped() { # NAME DIGEST
    [ "$(cat "$venv/.penstock-$1" 2>/dev/null)" = "$2" ]
}

if [ -n "${PYTHON:-}" ] && [ "$(cat "$venv/.penstock-python" 2>/dev/null)" != "$PYTHON" ]; then
    rm -rf "$venv"
fi
if ! stamped base "$locks" || ! [ -x "$venv/bin/python" ]; then
    PYTHON=$("$here/find_python.sh")
    export PYTHON
    echo "Making $venv with $("$PYTHON" --version)" >&2
    rm -rf "$venv"
    if "$PYTHON" -c 'import ensurepip' 2>/dev/null; then
        "$PYTHON" -m venv "$venv"
    else
        "$PYTHON" -m venv --without-pip "$venv"
        "$here/bring_pip.sh" "$venv/bin/python"
    fi
    echo "$PYTHON" >"$venv/.penstock-python"
fi

install() {
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --prefer-binary "$@" >&2
}

packages() { # LEVEL
    stamped "$1" "$locks" && return
    echo "Installing the $(grep -c '^[a-z]' "requirements/$1.lock") packages of requirements/$1.lock" >&2
    install --require-hashes -r "requirements/$1.lock" -r requirements/build.lock
    echo "$locks" >"$venv/.penstock-$1"
}

packages base
[ "$level" = base ] || packages "$level"
if ! stamped project "$project"; then
    install --no-deps --no-build-isolation --editable .
    # Where Python is told to write no bytecode, each start would compile the whole package anew.
    "$venv/bin/python" -m compileall -q src/penstock || true
    echo "$project" >"$venv/.penstock-project"
fi
