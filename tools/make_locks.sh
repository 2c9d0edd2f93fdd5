#!/bin/sh
# Write requirements/*.lock from pyproject.toml: every version with its hashes, no host names.
#
# Newest versions are taken only with --upgrade; without it a lock changes as little as it can.
set -eu

if ! command -v uv >/dev/null 2>&1; then
    echo "make locks needs uv (nothing else does): pip install uv" >&2
    exit 1
fi

lock() { # NAME, then what goes in
    name=$1
    shift
    target=requirements/$name.lock
    work=$(mktemp)
    # The old lock is what uv starts from.
    [ ! -f "$target" ] || cp "$target" "$work"
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
        --no-annotate --no-emit-index-url --no-emit-find-links \
        --output-file "$work" "$@"
    { echo "# Made by \`make locks\`. Install with: pip install --require-hashes -r $target" &&
        grep -v '^#' "$work"; } >"$target"
    rm -f "$work"
}

# dev holds everything and is solved first; the others are cut out of it.
lock dev pyproject.toml requirements/build.in --all-extras --group pyproject.toml:dev "$@"
lock base pyproject.toml --constraints requirements/dev.lock "$@"
lock mysql pyproject.toml --extra mysql --constraints requirements/dev.lock "$@"
lock postgres pyproject.toml --extra postgres --constraints requirements/dev.lock "$@"
lock build requirements/build.in --constraints requirements/dev.lock "$@"
