#!/bin/bash
# Becomes the IOC: epics-containers starts it as process 1 (bash -c /epics/ioc/start.sh).
#
# The configuration is the only *.toml in the folder config/ beside this file, or what
# SSWD_CONFIG names. A start.sh in config/ takes this one's place. IOC_PREFIX and the
# other variables of the chart can be used in the TOML as ${IOC_PREFIX}.
set -eu

here=$(dirname "$(realpath "$0")")
config=$here/config

if [[ -f $config/start.sh ]]; then
    exec bash "$config/start.sh"
fi

if [[ -z ${SSWD_CONFIG:-} ]]; then
    shopt -s nullglob
    files=("$config"/*.toml)
    if (( ${#files[@]} != 1 )); then
        echo "start.sh: ${#files[@]} TOML files in $config, wanted one; or set SSWD_CONFIG" >&2
        exit 78
    fi
    SSWD_CONFIG=${files[0]}
fi

# exec: the IOC has to be process 1, which gets the TERM of who stops the container.
exec sswd run "$SSWD_CONFIG"
