#!/usr/bin/env bash
# The tests of wrapped drivers with two versions of each library; make test-adapters
# calls it. The libraries are installed beside the environment, in build/adapters.
set -euo pipefail
cd "$(dirname "$0")/../.."

run() { # a name, then what to install
    local folder="build/adapters/$1"
    shift
    if [[ ! -e "$folder/done" ]]; then
        rm -rf "$folder"
        python -m pip install -q --disable-pip-version-check --target "$folder" "$@"
        touch "$folder/done"
    fi
    echo "with $*"
    PYTHONPATH="$PWD/$folder${PYTHONPATH:+:$PYTHONPATH}" \
        python -m pytest -q tests/adapters
}

run new pymeasure==0.16.0 qcodes==0.58.0 pyvisa-sim pyvisa-py
run old pymeasure==0.13.1 qcodes==0.50.1 pyvisa-sim pyvisa-py "numpy<2.3"
