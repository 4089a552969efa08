#!/usr/bin/env bash
# The tests of units, IOC and worker, without those that bound a time, on every other
# Python that is here; make test-pythons calls it. About five minutes each.
set -euo pipefail
cd "$(dirname "$0")/.."

# Print the path of an interpreter that starts, if there is one.
find_python() {
    local found
    for found in "python$1" "$HOME"/.pyenv/versions/"$1".*/bin/"python$1"; do
        if "$found" -c 'import venv' 2>/dev/null; then
            command -v "$found"
            return
        fi
    done
}

ran=""
for version in 3.11 3.12 3.13 3.14; do
    python="$(find_python "$version")"
    if [[ -n "$python" && "$(.venv/bin/python -V)" != "Python $version".* ]]; then
        make test-only PYTHON="$python" VENV="build/python$version" \
            PYTEST_ARGS="--untimed tests/unit tests/ioc tests/worker"
        ran+=" $("$python" -c 'import platform; print(platform.python_version())')"
    fi
done
echo "ran on:${ran:- no other Python is here}"
