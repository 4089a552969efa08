#!/bin/bash
# Whether the IOC lives: its event loop answers through the control socket.
#
# A worker that hangs, dies or waits for its instrument is no reason to end the IOC, which
# keeps the clients and restarts the worker: `sswd status` tells of it. Exit code 0: it
# answers. Anything else three times, and the kubelet restarts the container.
set -u

here=$(dirname "$(realpath "$0")")
if [[ -f $here/config/liveness.sh ]]; then
    exec bash "$here/config/liveness.sh"
fi

exec sswd status --alive
