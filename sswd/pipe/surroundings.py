"""What a worker runs in: its interpreter, variables, directory, niceness and CPUs."""

import os

import msgspec


class Surroundings(msgspec.Struct, frozen=True):
    """Of one worker; what is empty or None is as the daemon has it."""

    env: dict[str, str] = {}
    """Variables over the daemon's; set before the process begins."""
    cwd: str | None = None
    nice: int | None = None
    cpus: list[int] = []
    python: str | None = None
    """Path of another interpreter, with the same sswd; None: the daemon's."""

    def enter(self) -> None:
        """Give this process what it shall have, but for `env` and `python`.

        In the worker. Idempotent. Raises OSError whose words name the key.
        """
        if self.cpus:
            try:
                os.sched_setaffinity(0, self.cpus)
            except OSError as ex:
                raise OSError(f"cpus = {self.cpus}: {ex.strerror}") from ex
        if self.nice is not None:
            try:
                os.setpriority(os.PRIO_PROCESS, 0, self.nice)
            except OSError as ex:
                raise OSError(f"nice = {self.nice}: {ex.strerror}") from ex
        if self.cwd is not None:
            try:
                os.chdir(self.cwd)
            except OSError as ex:
                raise OSError(f"cwd = {self.cwd!r}: {ex.strerror}") from ex
