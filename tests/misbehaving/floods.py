"""Systems that post and print without end, and one that brings its own company."""

import ctypes
import multiprocessing
import os
import subprocess
import sys
import threading
import time

import numpy as np

from sswd import System

SLEEP = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(3600)"]


class Flood(System):
    """`CMD` says what to do, and how much of it."""

    def on_CMD(self, text: str) -> None:
        word, _, amount = text.partition(" ")
        getattr(self, f"do_{word}")(float(amount or 0))

    # -- posts

    def do_posts(self, count: float) -> None:
        """`count` posts as fast as they go; tells how long they took."""
        begun_s = time.monotonic()
        for number in range(1, int(count) + 1):
            self.io_put("COUNT", number)
        self.io_put("TOOK", time.monotonic() - begun_s)

    def do_loop(self, seconds: float) -> None:
        """Numbers and arrays in turn for `seconds`; COUNT tells the last."""
        number, until_s = 0, time.monotonic() + seconds
        while time.monotonic() < until_s:
            number += 1
            self.io_put({"COUNT": number, "values": np.full(10_000, float(number))})

    def do_threads(self, seconds: float) -> None:
        """The same from four threads at once, with ever new names too."""

        def post(index: int) -> None:
            number, until_s = 0, time.monotonic() + seconds
            while time.monotonic() < until_s:
                number += 1
                self.io_put({f"T{index}": number, f"NEW{index}-{number}": 0})
            self.io_put(f"DONE{index}", number)

        threads = [threading.Thread(target=post, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    # -- prints

    def do_print(self, count: float) -> None:
        for number in range(int(count)):
            print(f"line {number} on stdout")
            print(f"line {number} on stderr", file=sys.stderr)

    def do_raw(self, megabytes: float) -> None:
        """Bytes without an end of line, as C code writes them."""
        libc = ctypes.CDLL(None)
        chunk = b"\xff\x00" * 5000
        for _ in range(int(megabytes * 100)):
            libc.write(1, chunk, len(chunk))

    def do_log(self, count: float) -> None:
        for number in range(int(count)):
            self.log.warning("record %d", number)

    def do_close_fds(self, _amount: float) -> None:
        os.close(1)
        os.close(2)
        self.io_put("message", "closed")

    def do_close_files(self, _amount: float) -> None:
        sys.stdout.close()
        sys.stderr.close()

    def do_print_anyway(self, _amount: float) -> None:
        try:
            print("into nothing", flush=True)
        except (OSError, ValueError) as ex:
            self.io_put("message", type(ex).__name__)

    # -- company

    def do_company(self, _amount: float) -> None:
        """Processes and threads that would stay when we go."""
        grandchild = f"{' '.join(SLEEP[:4])} '{SLEEP[4]}'; true"
        pids = [
            subprocess.Popen(SLEEP).pid,
            subprocess.Popen(["sh", "-c", grandchild]).pid,
            self._forked(),
        ]
        # A daemon, else Python's own exit waits for it, and we for our SIGKILL.
        fork = multiprocessing.get_context("fork")
        self._process = fork.Process(target=time.sleep, args=(3600,), daemon=True)
        self._process.start()
        pids.append(self._process.pid or 0)
        for daemon in (True, False):
            threading.Thread(target=time.sleep, args=(3600,), daemon=daemon).start()
        self.io_put("values", [float(pid) for pid in pids])

    def _forked(self) -> int:
        """A bare fork: the child holds every pipe of ours open."""
        pid = os.fork()
        if not pid:
            time.sleep(3600)
            os._exit(0)
        return pid


class Sociable(Flood):
    """Is never alone."""

    def setup(self) -> None:
        self.do_company(0)
