"""A suite that any driver can be run through: `pytest --sswd-driver module:Class`.

It starts, posts what it declares, takes an abort, survives a restart and a kill, and
closes. Each test says what it waited for, and what in the driver to look at.
"""

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sswd import config as configuration
from sswd.config import Config
from sswd.testing.client import DaemonError
from sswd.testing.daemon import Daemon, running_daemon

POST_S = 10.0
"""What is declared has been posted by then."""
ABORT_S = 10.0
RUN_S = 30.0
NEVER_POSTED = (9, 3)
"""COMM, INVALID: of a PV that no worker has posted yet."""


@dataclass(frozen=True)
class Driver:
    """What was asked for on the command line, of one system."""

    text: str
    folder: Path
    system: str
    puts: tuple[tuple[str, str], ...]
    long: tuple[str, str] | None

    @property
    def config(self) -> Config:
        """Raises ConfigError."""
        return configuration.from_dict(tomllib.loads(self.text), "--sswd-driver")

    @property
    def prefix(self) -> str:
        """Of the system, below the daemon's."""
        return self.config.system[self.system].prefix


@dataclass(frozen=True)
class Served:
    """The driver in a daemon, and what it has posted by itself since it started."""

    daemon: Daemon
    driver: Driver

    def pv(self, name: str) -> str:
        """The name of one of its PVs, for the daemon."""
        return f"{self.driver.prefix}{name}"

    def put(self, put: tuple[str, str], *, wait: bool = True) -> bool:
        """Put as --sswd-put says. True when it succeeded."""
        return self.daemon.put(self.pv(put[0]), put[1], wait=wait, timeout_s=RUN_S)

    def posted(self, names: list[str]) -> list[str]:
        """Those of `names` that have been posted since the worker started."""
        alarm = self.daemon.alarm
        return [name for name in names if alarm(self.pv(name)) != NEVER_POSTED]

    def wait_for_run(self, run: int) -> None:
        """Until the worker's run `run` is RUNNING."""
        self.daemon.wait_for(self.pv("WORKER:RUN"), run, timeout_s=RUN_S)
        self.daemon.wait_for(self.pv("WORKER:STATE"), "RUNNING", timeout_s=RUN_S)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Once for each system of a FILE.toml."""
    option = metafunc.config.getoption
    given: str = option("sswd_driver")
    if given.endswith(".toml"):
        path = Path(given).resolve()
        text, folder = path.read_text(encoding="utf-8"), path.parent
    else:
        text, folder = _toml_of(given, option("sswd_arg")), Path.cwd()
    long = option("sswd_long")
    puts = tuple(_pair(put) for put in option("sswd_put"))
    names = [*tomllib.loads(text).get("system", {})]
    drivers = [Driver(text, folder, name, puts, long and _pair(long)) for name in names]
    metafunc.parametrize("driver", drivers, ids=names, scope="module")


def _toml_of(target: str, arguments: list[str]) -> str:
    lines = ['prefix = "@"', "[system.driver]", f"target = {json.dumps(target)}"]
    lines.append("[system.driver.args]")
    for argument in arguments:
        key, value = _pair(argument)
        try:
            tomllib.loads(f"value = {value}")
        except tomllib.TOMLDecodeError:
            value = json.dumps(value)
        lines.append(f"{key} = {value}")
    return "\n".join(lines) + "\n"


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise pytest.UsageError(f"{text!r} is not NAME=VALUE")
    return key.strip(), value


@pytest.fixture(scope="module")
def served(driver: Driver) -> Iterator[Served]:
    """The driver, in one daemon for all tests."""
    with running_daemon(config=driver.text, folder=driver.folder) as daemon:
        yield Served(daemon, driver)


@pytest.fixture(scope="module")
def declared(driver: Driver) -> list[str]:
    """PVs that only the driver writes: those of the TOML and those of the class."""
    from sswd.ioc.daemon import inspect_target

    system = driver.config.system[driver.system]
    loaded = inspect_target.inspect(system, driver.folder)
    of_class = {
        name: configuration.pv_from_dict(name, keys, system.target)
        for name, keys in loaded.pvs.items()
    }
    pvs = {**of_class, **system.pvs}
    return [
        name
        for name, pv in pvs.items()
        if not pv.writable and pv.type != "action" and pv.value is None
    ]


def test_it_loads(declared: list[str]) -> None:
    """Its module is imported, its methods can be called, its PVs are sound."""
    assert len(declared) == len(set(declared))


def test_it_starts(served: Served) -> None:
    """Constructor, `connect` and `setup` have succeeded."""
    assert served.daemon.get(served.pv("WORKER:LAST_ERROR")) == ""
    link = served.daemon.get(served.pv("WORKER:LINK"), as_string=True)
    assert link != "LOST", served.daemon.get(served.pv("WORKER:LINK_ERROR"))


def test_it_posts_what_it_declares(served: Served, declared: list[str]) -> None:
    """Each PV that it declares gets a value, and each value fits its PV."""
    for put in served.driver.puts:
        assert served.put(put), served.daemon.get(served.pv("CMD_ERROR"))
    missing = [pv for pv in declared if not _is_posted(served, pv)]
    assert not missing, (
        f"never posted: {', '.join(missing)}; for what only a command posts, give that "
        "command: --sswd-put PV=VALUE"
    )
    refused = served.daemon.get(served.pv("WORKER:REFUSED"))
    assert refused == 0, f"{refused} posts were refused:\n{served.daemon.log[-3000:]}"


def _is_posted(served: Served, name: str) -> bool:
    try:
        served.daemon.wait_for(
            f"{served.pv(name)}.SEVR",
            lambda _: bool(served.posted([name])),
            timeout_s=POST_S,
        )
    except DaemonError:
        return False
    return True


def test_an_abort_while_it_is_idle_changes_nothing(served: Served) -> None:
    """`abort` may be called at any time."""
    run = served.daemon.get(served.pv("WORKER:RUN"))
    assert served.daemon.put(served.pv("ABORT"), 1)
    assert served.daemon.get(served.pv("WORKER:RUN")) == run
    assert served.daemon.get(served.pv("WORKER:STATE"), as_string=True) == "RUNNING"


def test_an_abort_ends_a_command(served: Served) -> None:
    """Soon, and without costing the worker."""
    if served.driver.long is None:
        pytest.skip("give a command that takes long: --sswd-long PV=VALUE")
    daemon, state = served.daemon, served.pv("CMD_STATE")
    served.put(served.driver.long, wait=False)
    daemon.wait_for(state, "RUNNING")
    daemon.put(served.pv("ABORT"), 1)
    daemon.wait_for(state, lambda word: word != "RUNNING", timeout_s=ABORT_S)
    assert daemon.get(state, as_string=True) == "ABORTED"
    how = daemon.get(served.pv("CMD_ERROR"))
    assert "SIG" not in how, (
        "the worker had to be killed; wait with self.sleep, or look at self.aborted: "
        f"{how}"
    )


def test_it_survives_a_restart(served: Served, declared: list[str]) -> None:
    """A new worker comes up, and what is posted by itself is posted again."""
    before = served.posted(declared)
    run = served.daemon.get(served.pv("WORKER:RUN"))
    assert served.daemon.put(served.pv("WORKER:RESTART"), 1)
    served.wait_for_run(run + 1)
    for put in served.driver.puts:
        assert served.put(put), served.daemon.get(served.pv("CMD_ERROR"))
    missing = [pv for pv in before if not _is_posted(served, pv)]
    assert not missing, f"not posted by the new worker: {', '.join(missing)}"


def test_it_survives_being_killed(served: Served) -> None:
    """Without `close`: whatever it holds must not keep the next one out."""
    run = served.daemon.get(served.pv("WORKER:RUN"))
    served.daemon.kill_worker(served.driver.prefix)
    served.wait_for_run(run + 1)
    link = served.daemon.get(served.pv("WORKER:LINK"), as_string=True)
    assert link != "LOST", served.daemon.get(served.pv("WORKER:LINK_ERROR"))


def test_it_closes(driver: Driver) -> None:
    """`close` returns within 3 s and raises nothing."""
    with running_daemon(config=driver.text, folder=driver.folder) as daemon:
        assert daemon.stop() == 0
        ended = f"worker '{driver.system}' (run 1) exited with code 0"
        assert ended in daemon.log, daemon.log[-3000:]
