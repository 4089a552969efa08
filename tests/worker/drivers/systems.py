"""Systems that tests start in a real worker."""

import ctypes
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Self

import numpy as np

from sswd import Aborted, System, every


class Chameleon(System):
    """`CMD` names the method to run; what it finds it posts to `message`."""

    def __init__(self, word: str = "") -> None:
        self.word = word
        self.aborts: list[str] = []

    def io_execute(self, pv_name: str, value: object) -> None:
        if pv_name != "CMD":
            self.io_put("message", f"{pv_name} {type(value).__name__} {value!r}")
            return
        method: Callable[[], None] = getattr(self, f"do_{value}")
        method()

    def abort(self) -> None:
        time.sleep(0.02)  # the command that it ends has gone its way by then
        self.aborts.append(threading.current_thread().name)

    def close(self) -> None:
        self.io_put("message", "closed")

    def do_nothing(self) -> None:
        pass

    def do_word(self) -> None:
        self.io_put("message", self.word)

    def do_ack(self) -> None:
        self.io_put("values", [1.0, 2.0])
        self.io_put("ACK", "1")

    def do_modules(self) -> None:
        names = {name.partition(".")[0] for name in sys.modules}
        self.io_put("message", ",".join(sorted(names)))

    def do_main(self) -> None:
        self.io_put("message", str(getattr(sys.modules["__main__"], "__file__", None)))

    def do_manners(self) -> None:
        self.io_put("message", f"{os.getpgid(0)} {os.getpid()}")

    # -- aborts

    def do_our_sleep(self) -> None:
        self.io_put("message", "in")
        self.sleep(3600)

    def do_time_sleep(self) -> None:
        self.io_put("message", "in")
        time.sleep(3600)

    def do_flag(self) -> None:
        self.io_put("message", "in")
        while not self.aborted:
            time.sleep(0.002)

    def do_aborts(self) -> None:
        self.io_put("message", " ".join(self.aborts))

    def do_socket(self) -> None:
        ours, _theirs = socket.socketpair()
        with ours, _theirs:
            self.io_put("message", "in")
            ours.recv(1)

    def do_cleanup(self) -> None:
        """An abort does not hit twice, so that what is in `finally` is all done."""
        try:
            self.io_put("message", "in")
            self.sleep(3600)
        finally:
            for i in range(20):
                self.io_put("count", i)
            self.io_put("message", "cleaned up")

    def do_post_loop(self) -> None:
        """Nearly always in our own code when the abort comes."""
        self.io_put("message", "in")
        i = 0
        while True:
            i += 1
            self.io_put("count", i)

    def do_log_loop(self) -> None:
        """Nearly always in logging, or in our handler below it."""
        self.io_put("message", "in")
        while True:
            self.log.info("x")

    def do_aborted_loop(self) -> None:
        """Polls the flag and does not care."""
        self.io_put("message", "in")
        while True:
            self.aborted  # noqa: B018

    def do_swallow(self) -> None:
        try:
            self.io_put("message", "in")
            time.sleep(3600)
        except Aborted:
            self.io_put("message", "swallowed")

    def do_gil(self) -> None:
        """Holds the GIL for 0.5 s in C."""
        self.io_put("message", "in")
        ctypes.PyDLL(None).usleep(500_000)

    def do_gil_for_long(self) -> None:
        self.io_put("message", "in")
        libc = ctypes.PyDLL(None)
        while libc.sleep(3600):
            pass

    # -- ends

    def do_raise(self) -> None:
        raise ValueError("first line\nsecond line")

    def do_broken_str(self) -> None:
        class Broken(Exception):
            def __str__(self) -> str:
                raise RuntimeError("no words")

        raise Broken

    def do_keyboard_interrupt(self) -> None:
        raise KeyboardInterrupt

    def do_exit(self) -> None:
        sys.exit(5)

    def do_exit_words(self) -> None:
        sys.exit("the shutter is stuck")

    def do_os_exit(self) -> None:
        os._exit(3)

    def do_segfault(self) -> None:
        ctypes.string_at(0)

    def do_stubborn_threads(self) -> None:
        threading.Thread(target=time.sleep, args=(3600,), daemon=False).start()

    def do_child(self) -> None:
        child = subprocess.Popen(["sleep", "3600"])
        self.io_put("message", str(child.pid))

    def do_escapee(self) -> None:
        """A child that leaves the group and holds whatever it can."""
        child = subprocess.Popen(
            ["sleep", "3600"],
            start_new_session=True,
            pass_fds=_open_fds(),
        )
        self.io_put("message", str(child.pid))

    def do_close_up(self) -> None:
        """A driver that closes whatever it finds."""
        os.closerange(3, 64)
        time.sleep(3600)

    def do_garbage(self) -> None:
        self._services._outbox._writer._unsent.append(memoryview(b"\xff" * 64))
        self.io_put("message", "x")
        time.sleep(3600)

    def do_shell_child(self) -> None:
        """As C libraries start programs: every inheritable descriptor goes along."""
        child = subprocess.Popen(["ls", "-l", "/proc/self/fd"], close_fds=False)
        child.wait()
        self.io_put("message", "done")

    # -- output

    def do_print(self) -> None:
        print("to stdout")
        print("to stderr", file=sys.stderr)
        os.write(1, b"from C\n")

    def do_flood(self) -> None:
        for i in range(20_000):
            print(f"line {i} " + "x" * 100)

    def do_close_stdout(self) -> None:
        os.close(1)
        os.close(2)
        print("nobody hears this")

    def do_no_stdout(self) -> None:
        sys.stdout = None  # type: ignore[assignment]

    def do_log(self) -> None:
        self.log.warning("a %s", "warning")
        logging.getLogger("some.library").error("library")
        self.log.debug("not told")
        try:
            raise OSError("no route to host")
        except OSError:
            self.log.exception("while moving")

    def do_log_wrong(self) -> None:
        class Broken:
            def __str__(self) -> str:
                raise RuntimeError("no words")

        self.log.info("%d", "x")
        self.log.info("%s", Broken())
        self.log.info("file %s", "caf\udce9")

    # -- posts

    def do_burst(self) -> None:
        for i in range(1000):
            self.io_put("count", i)
        self.io_put("values", [1.0])
        self.io_put("ACK", "1")

    def do_acks(self) -> None:
        for i in range(200):
            self.io_put({"count": i, "ACK": str(i)})

    def do_large(self) -> None:
        for i in range(20):
            self.io_put("image", np.full(1 << 18, float(i)))

    def do_odd(self) -> None:
        self.io_put(
            {
                "obj": object(),
                "surrogate": "caf\udce9",
                "none": None,
                "int": 2**80,
                "nested": [1, [2, 3]],
                "fine": 1.5,
            }
        )

    def do_gc_post(self) -> None:
        """Objects that post and log when the garbage collector finds them."""
        import gc

        class Noisy:
            def __init__(self, system: System) -> None:
                self.system, self.me = system, self

            def __del__(self) -> None:
                self.system.io_put("garbage", 1)
                self.system.log.info("collected")

        gc.set_threshold(1)
        try:
            for i in range(2000):
                Noisy(self)
                self.io_put({"count": i, "ACK": "0"})
        finally:
            gc.set_threshold(700)

    def do_signal_post(self) -> None:
        """A driver's own signal handler that posts."""
        signal.signal(signal.SIGALRM, lambda *_: self.io_put("alarm", 1))
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        try:
            until_s = time.monotonic() + 0.5
            i = 0
            while time.monotonic() < until_s:
                i += 1
                self.io_put({"count": i})
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)


def _open_fds() -> list[int]:
    return [int(fd) for fd in os.listdir("/proc/self/fd") if int(fd) > 2]


class Asserting(System):
    """Fails unless the value is the one that is meant."""

    def __init__(self, codes: str) -> None:
        self.codes = codes

    def io_execute(self, pv_name: str, value: object) -> None:
        assert ascii(value) == self.codes, ascii(value)


class Periodic(System):
    """Counts between commands."""

    def __init__(self) -> None:
        self.ticks = 0

    @every(0.02)
    def tick(self) -> None:
        self.ticks += 1
        self.io_put("ticks", self.ticks)

    @every(0.03)
    def broken(self) -> None:
        raise RuntimeError("no readback")

    def on_CMD(self, _text: str) -> None:
        before = self.ticks
        time.sleep(0.2)
        self.io_put("message", str(self.ticks - before))


class LongPeriodic(System):
    """Its periodic method takes long; it is never the target of an abort."""

    @every(0.01)
    def slow(self) -> None:
        self.io_put("message", "slow")
        time.sleep(0.4)
        self.io_put("message", "slow done")

    def on_CMD(self, _text: str) -> None:
        self.io_put("message", "ran")


class Classic:
    """As for the old wrapper: no base class, queues, init()."""

    def __init__(self) -> None:
        self.io_put_queue.put({"message": "queue is there in __init__"})

    def init(self) -> None:
        self.io_put_queue.put({"message": "init"})

    def io_execute(self, pv_name: str, value: str) -> None:
        self.io_put_queue.put({"message": f"{pv_name} {bytes(value).hex()} {value!r}"})
        self.io_put_queue.put({"ACK": 1})


class Loop:
    """Reads its commands itself."""

    io_get_queue: object

    def run(self) -> None:
        self.io_put_queue.put({"message": "run begins"})
        while True:
            command = self.io_get_queue.get()
            self.io_put_queue.put({"message": repr(command)})
            if command.get("CMD") == "raise":
                raise ValueError("in run()")
            if command.get("CMD") == "sleep":
                time.sleep(3600)
            self.io_get_queue.task_done()
            if command.get("CMD") == "return":
                return
            if command.get("CMD") == "die between":
                threading.Thread(target=time.sleep, args=(3600,)).start()
                raise ValueError("between commands")

    def close(self) -> None:
        self.io_put_queue.put({"message": "closed"})


class PollingLoop:
    """Does not wait in get()."""

    def run(self) -> None:
        import queue

        idle = 0
        while True:
            try:
                command = self.io_get_queue.get(timeout=0.01)
            except queue.Empty:
                idle += 1
                self.io_put_queue.put({"idle": idle})
                continue
            self.io_put_queue.put({"message": repr(command)})
            self.io_get_queue.task_done()


class BadConstructor(System):
    def __init__(self) -> None:
        raise OSError("no such instrument")


class BadSetup(System):
    def setup(self) -> None:
        self.log.warning("about to fail")
        raise ConnectionRefusedError("nobody listens there")


class InterruptedSetup(System):
    """A driver that lets a KeyboardInterrupt out, and has a thread of its own."""

    def setup(self) -> None:
        threading.Thread(target=time.sleep, args=(3600,)).start()
        raise KeyboardInterrupt


class SlowSetup(System):
    """Blocks in setup as `how` says; `close` runs when it is interrupted."""

    def __init__(self, how: str) -> None:
        self.how = how

    def setup(self) -> None:
        self.io_put("message", "in setup")
        if self.how == "our sleep":
            self.sleep(3600)
        else:
            time.sleep(3600)

    def close(self) -> None:
        self.io_put("message", "closed")


class BadClose(System):
    def close(self) -> None:
        raise RuntimeError("cannot close")


class NeedsNew(System):
    """Takes its arguments in __new__, as extension types do."""

    def __new__(cls, word: str) -> Self:
        self = super().__new__(cls)
        self.word = word
        return self

    def __init__(self, word: str) -> None:
        assert word == self.word

    def on_CMD(self, _text: str) -> None:
        self.io_put("message", self.word)


class Neither:
    """No system at all."""


class Poster(System):
    """Threads that post while the main thread runs commands."""

    def setup(self) -> None:
        for name in "abc":
            threading.Thread(target=self.post, args=(name,), daemon=True).start()

    def post(self, name: str) -> None:
        i = 0
        while True:
            i += 1
            self.io_put(name, i)

    def on_CMD(self, text: str) -> None:
        self.io_put("values", [float(text)])
        self.io_put("ACK", text)
