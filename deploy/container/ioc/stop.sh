#!/bin/bash
# Stops the IOC within the grace that the pod has (the chart of epics-containers: 3 s).
#
# As a preStop hook its time counts as grace. TERM lets the systems close. Those that have
# not after SSWD_CLOSE_MS are killed by a second TERM; their park routines and the last
# setpoints have the rest. SSWD_PID is for tests: the IOC is process 1.
set -u

here=$(dirname "$(realpath "$0")")
if [[ -f $here/config/stop.sh ]]; then
    exec bash "$here/config/stop.sh"
fi

pid=${SSWD_PID:-1}
grace_ms=${SSWD_GRACE_MS:-3000}
close_ms=${SSWD_CLOSE_MS:-$((grace_ms / 3))}

now_ms() { # of a clock that nobody sets
    local up
    read -r up _ < /proc/uptime # seconds with two decimals
    now=$((10#${up/./} * 10))
}
now_ms
begun=$now
wait_until() { # until so long after the begin, or until the IOC has ended
    while now_ms; (( now - begun < $1 )); do
        kill -0 "$pid" 2>/dev/null || exit 0
        sleep 0.05 # on a busy node it lasts longer
    done
}

kill -TERM "$pid" 2>/dev/null || exit 0
wait_until "$close_ms"
kill -TERM "$pid" 2>/dev/null || exit 0
wait_until "$((grace_ms - 200))"
exit 0
