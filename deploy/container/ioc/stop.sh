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

waited_ms=0
wait_until() { # wait until that time, or until the IOC has ended
    while (( waited_ms < $1 )); do
        kill -0 "$pid" 2>/dev/null || exit 0
        sleep 0.05
        waited_ms=$((waited_ms + 50))
    done
}

kill -TERM "$pid" 2>/dev/null || exit 0
wait_until "$close_ms"
kill -TERM "$pid" 2>/dev/null || exit 0
wait_until "$((grace_ms - 200))"
exit 0
