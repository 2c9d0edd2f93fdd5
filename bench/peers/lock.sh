#!/bin/sh
# Write bench/peers/locks/NAME.lock from NAME.in: every version with its hashes, no host names (needs uv).
set -eu
cd "$(dirname "$0")/locks"
for name in ${*:-dlt ingestr sling debezium}; do
    work=$(mktemp)
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
        --no-annotate --no-emit-index-url --no-emit-find-links --output-file "$work" "$name.in"
    {
        echo "# Made by bench/peers/lock.sh. Install with: pip install --require-hashes -r $name.lock"
        grep -v '^#' "$work"
    } >"$name.lock"
    rm -f "$work"
done
