#!/bin/sh
# Print the Python to build .venv with: $PYTHON when set, else the newest that works here.
set -u

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# Debian and Ubuntu ship Python without pip: bring_pip.sh helps, one that has it is quicker.
has_venv() {
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

if [ -n "${PYTHON:-}" ]; then
    if new_enough "$PYTHON"; then
        echo "$PYTHON"
        exit 0
    fi
    echo "PYTHON=$PYTHON is not a Python 3.11 or newer that runs here." >&2
    exit 1
fi

candidates="python3.14 python3.13 python3.12 python3.11 python3"
for wanted in has_venv new_enough; do
    for name in $candidates; do
        if new_enough "$name" && "$wanted" "$name"; then
            echo "$name"
            exit 0
        fi
    done
done
echo "Penstock needs Python 3.11 or newer, and none of these is: $candidates." >&2
echo "On Debian or Ubuntu: apt-get install python3. Elsewhere: make PYTHON=/path/to/python3.12" >&2
exit 1
