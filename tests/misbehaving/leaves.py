"""A driver whose programs move far away, and which never unlinks its shared memory."""

import os
import subprocess
from multiprocessing import shared_memory

from sswd import System, detached_env

SLEEP = ["sleep", "3600"]


class Leaves(System):
    """`CMD` names what it starts; `message` has the pid, or the name in /dev/shm."""

    def io_execute(self, pv_name: str, value: object) -> None:
        self.io_put("message", str(getattr(self, f"do_{value}")()))

    def do_session(self) -> int:
        """As vendors' servers, viewers and `ssh -f` do by themselves."""
        return subprocess.Popen(SLEEP, start_new_session=True).pid

    def do_daemon(self) -> int:
        """A double fork: its parent is gone at once."""
        script = "setsid sleep 3600 >/dev/null 2>&1 & echo $!"
        return int(subprocess.check_output(["sh", "-c", script]))

    def do_fork(self) -> int:
        """A bare fork in a session of its own."""
        pid = os.fork()
        if not pid:
            os.setsid()
            os.execvp(SLEEP[0], SLEEP)
        return pid

    def do_detached(self) -> int:
        """What is documented for programs that shall stay."""
        made = subprocess.Popen(SLEEP, env=detached_env(), start_new_session=True)
        return made.pid

    def do_memory(self) -> str:
        self.memory = shared_memory.SharedMemory(create=True, size=1 << 20)
        return self.memory.name

    def do_zombies(self) -> int:
        """Programs that lose their parent and end."""
        subprocess.run(
            ["sh", "-c", "for i in 1 2 3; do setsid true & done"], check=True
        )
        return 3
