"""`sswd put`, `get` and `monitor`: with EPICS base's IOC and with ours."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import until

from sswd import cli
from sswd.testing import Daemon, child_env, free_port, loopback_env, running_daemon

HERE = Path(__file__).parent
DRIVERS = HERE / "drivers"
SSWD = [sys.executable, "-m", "sswd"]


def _base_ioc():
    """tests/ioc/ca/conformance/base_ioc.py, which is no module of this folder."""
    path = HERE.parent / "ioc/ca/conformance/base_ioc.py"
    spec = importlib.util.spec_from_file_location("base_ioc", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def base_port() -> Iterator[int]:
    with _base_ioc().serving_base(HERE / "clients.db") as port:
        yield port


@pytest.fixture(scope="module")
def served() -> Iterator[Daemon]:
    config = (DRIVERS / "target.toml").read_text()
    with running_daemon(config=config, folder=DRIVERS, ready=False) as daemon:
        daemon.prefix = "T:"  # as in the file
        daemon.wait_for("WORKER:STATE", "RUNNING", timeout_s=20.0)
        yield daemon


@pytest.fixture
def base(base_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """EPICS base's IOC is what the commands find."""
    for key, value in loopback_env(base_port).items():
        monkeypatch.setenv(key, value)


@pytest.fixture
def daemon(served: Daemon, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    """A daemon of ours is what the commands find."""
    for key, value in served.env.items():
        monkeypatch.setenv(key, value)
    return served


@pytest.fixture
def sswd(capsys: pytest.CaptureFixture[str]):
    """Runs a command; (exit code, what it printed, its errors)."""

    def run(*words: str) -> tuple[int, str, str]:
        code = cli.main(list(words))
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def value(line: str) -> str:
    return line.split(maxsplit=1)[1].strip()


@pytest.mark.usefixtures("base")
@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["B:ao", "2.5"], "2.5"),
        (["B:lo", "0x10"], "16"),
        (["B:mb", "fast"], "fast"),
        (["B:mb", "0"], "slow"),
        (["--number", "B:mb", "1"], "1"),
        (["B:lso", "a text"], "a text"),
        (["B:lso.VAL$", "x" * 60], "x" * 60),
        (["B:wd", "1", "2.5"], "[1, 2.5]"),
        (["B:wd", "[3, 4]"], "[3, 4]"),
        (["B:wc", "wörter"], "wörter"),
        (["B:wc", "1", "2"], "[1, 2]"),
        (["B:wus", "40000"], "[40000]"),
    ],
)
def test_puts_to_epics_base_are_read_back(sswd, words, shown) -> None:
    code, out, err = sswd("put", *words)
    assert (code, value(out), err) == (0, shown, "")


@pytest.mark.usefixtures("base")
def test_epics_base_refuses(sswd) -> None:
    assert sswd("put", "B:ao.NAME", "x")[::2] == (
        1,
        "sswd: B:ao.NAME: the put failed: Write access denied\n",
    )
    code, _, err = sswd("put", "B:lo", "99999999999")
    assert (code, "the put failed: Channel write request failed" in err) == (1, True)


@pytest.mark.usefixtures("base")
def test_alarm_units_and_time_of_epics_base(sswd) -> None:
    sswd("put", "B:ao", "12")
    code, out, _ = sswd("get", "-l", "B:ao", "B:mb")
    assert code == 0
    assert "12 mm MAJOR/HIHI" in out
    code, out, _ = sswd("get", "--json", "B:ao")
    told = json.loads(out)
    assert (told["value"], told["severity"], told["status"], told["units"]) == (
        12.0,
        "MAJOR",
        "HIHI",
        "mm",
    )


@pytest.mark.usefixtures("base")
def test_not_found_says_where_it_searched(sswd) -> None:
    port = os.environ["EPICS_CA_SERVER_PORT"]
    code, out, err = sswd("get", "-w", "0.3", "NO:such", "B:lo")
    assert code == 4
    assert out.startswith("B:lo ")
    assert "not found: no server answered in 0.3 s; it was searched by UDP at " in err
    assert f"127.0.0.1:{port}" in err
    assert "EPICS_CA_AUTO_ADDR_LIST=NO" in err
    code, _, err = sswd("put", "-w", "0.3", "NO:such", "1")
    assert (code, "not found" in err) == (4, True)


def test_a_put_waits_for_its_command_and_tells_how_it_failed(daemon, sswd) -> None:
    p = daemon.prefix
    assert sswd("put", f"{p}CMD", "slow")[0] == 0
    code, out, _ = sswd("get", "-t", f"{p}values", f"{p}CMD_STATE", f"{p}ACK")
    assert (code, out) == (0, "[1, 2, 3]\nDONE\n1\n")
    code, out, err = sswd("put", f"{p}CMD", "fail")
    assert (code, out) == (1, "")
    assert f"{p}CMD_ERROR: ValueError: told to fail" in err
    code, out, err = sswd("put", "--json", f"{p}CMD", "fail")
    assert code == 1
    assert "told to fail" in json.loads(out)["error"]
    code, _, err = sswd("put", f"{p}FIXED", "1")
    assert code == 1
    assert err.endswith("the put failed: Write access denied\n"), "no other's words"


def test_a_timeout_is_asked_for(daemon, sswd) -> None:
    p = daemon.prefix
    code, _, err = sswd("put", "--timeout", "0.1", f"{p}CMD", "slow")
    assert (code, "no end within 0.1 s; the put goes on" in err) == (1, True)
    daemon.wait_for("CMD_STATE", "DONE")


def test_a_monitor_prints_changes_until_its_count(daemon, sswd) -> None:
    p = daemon.prefix
    daemon.put("NUMBER", 1.0)
    puts = threading.Timer(0.5, lambda: daemon.put("NUMBER", 21.0))
    puts.start()
    code, out, _ = sswd("monitor", "-t", "--count", "2", f"{p}DOUBLED")
    puts.join()
    assert (code, out) == (0, "2\n42\n")


def test_a_monitor_survives_its_server(tmp_path: Path) -> None:
    """It says what is missing, finds it, says that it was lost, and finds it again."""
    port = free_port()
    env = child_env({**loopback_env(port), "PYTHONUNBUFFERED": "1"})
    base = _base_ioc()
    out, err = tmp_path / "out", tmp_path / "err"
    with out.open("wb") as to_out, err.open("wb") as to_err:
        monitor = subprocess.Popen(
            [*SSWD, "monitor", "-w", "0.2", "B:ao"],
            stdout=to_out,
            stderr=to_err,
            env=env,
        )
    try:
        until(lambda: "the search goes on" in err.read_text(), "that it is missing")
        with base.serving_base(HERE / "clients.db", port):
            until(lambda: out.read_text().count("1.5") == 1, "its value")
        until(lambda: "B:ao: lost" in err.read_text(), "that it is lost")
        with base.serving_base(HERE / "clients.db", port):
            until(lambda: out.read_text().count("1.5") == 2, "its value again", 20.0)
        monitor.send_signal(signal.SIGINT)
        assert monitor.wait(10) == 130
    finally:
        monitor.kill()
        monitor.wait()
    assert "Traceback" not in err.read_text()


def test_ctrl_c_ends_the_waiting_only(daemon) -> None:
    p = daemon.prefix
    put = subprocess.Popen(
        [*SSWD, "put", f"{p}CMD", "slow"], stderr=subprocess.PIPE, text=True
    )
    daemon.wait_for("BUSY", "Busy")
    put.send_signal(signal.SIGINT)
    _, err = put.communicate(timeout=10)
    assert put.returncode == 130
    assert "a put that was sent goes on" in err
    daemon.wait_for("CMD_STATE", "DONE")


def test_a_put_to_a_server_that_freezes_ends(daemon, monkeypatch, sswd) -> None:
    """There is no limit of time, but an echo that is not answered."""
    monkeypatch.setenv("EPICS_CA_CONN_TMO", "0.3")
    monkeypatch.setattr("sswd.ioc.client.session.ECHO_S", 0.3)

    def freeze() -> None:
        daemon.wait_for("BUSY", "Busy")
        os.kill(daemon.pid, signal.SIGSTOP)

    freezing = threading.Thread(target=freeze)
    freezing.start()
    try:
        code, _, err = sswd("put", f"{daemon.prefix}CMD", "slow")
    finally:
        freezing.join()
        os.kill(daemon.pid, signal.SIGCONT)
    daemon.wait_for("CMD_STATE", "DONE")
    assert code == 1
    assert "nobody knows what became of the put" in err


# ---- sswd doctor


@pytest.mark.usefixtures("base")
def test_doctor_finds_a_pv_of_epics_base(sswd) -> None:
    port = os.environ["EPICS_CA_SERVER_PORT"]
    code, out, err = sswd("doctor", "B:ao")
    assert (code, err) == (0, "")
    assert out.startswith(f"ok     B:ao is served by 127.0.0.1:{port}, found by ")
    assert f"127.0.0.1:{port}: TCP connects and the channel is there" in out


@pytest.mark.usefixtures("base")
def test_doctor_says_what_is_known_of_a_pv_that_is_not_found(sswd) -> None:
    code, out, _ = sswd("doctor", "-w", "0.3", "B:none")
    assert code == 4
    assert "WRONG  B:none: no server answered in 0.3 s; searched at unicast 127" in out
    assert "a server is there, and it has no B:none" in out


def test_doctor_finds_the_daemon_that_is_not_searched(
    daemon, sswd, monkeypatch
) -> None:
    pv = f"{daemon.prefix}CMD"
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(daemon.folder / "run"))
    monkeypatch.setenv("EPICS_CA_SERVER_PORT", str(free_port()))
    code, out, _ = sswd("doctor", "-w", "0.3", pv)
    assert code == 4
    assert "the host is there, and no IOC listens at UDP port" in out
    mend = f"set EPICS_CA_SERVER_PORT={daemon.env['EPICS_CA_SERVER_PORT']} for this"
    assert mend in out
    code, out, _ = sswd("doctor", "-w", "0.3", "--json", pv)
    told = json.loads(out)
    assert code == 4
    assert told["evidence"]["daemons"][0]["serves"] is True
    assert {"level", "words", "mend"} == set(told["findings"][0])


def test_name_servers_are_asked_by_get_and_doctor(daemon, sswd, monkeypatch) -> None:
    pv = f"{daemon.prefix}CMD"
    monkeypatch.setenv("EPICS_CA_ADDR_LIST", "")
    monkeypatch.setenv("EPICS_CA_NAME_SERVERS", "127.0.0.1")
    assert sswd("get", pv)[0] == 0
    code, out, _ = sswd("doctor", pv)
    assert (code, "found by name server 127.0.0.1:" in out) == (0, True)
    code, _, err = sswd("get", "-w", "0.3", "NO:such")
    assert (code, "by TCP at the name servers 127.0.0.1:" in err) == (4, True)


# ---- sswd replay


@pytest.fixture
def ledger(tmp_path: Path):
    """Writes an audit log of puts to OLD:."""

    def write(*puts: tuple[str, object, str]) -> str:
        lines = [
            {
                "date": "2026-01-31",
                "time": f"12:00:00.{number:03}",
                "pv": f"OLD:{pv}",
                "new": new,
                "fate": fate,
            }
            for number, (pv, new, fate) in enumerate(puts)
        ]
        path = tmp_path / "puts.jsonl"
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        return str(path)

    return write


def test_replay_puts_in_order_and_stops_at_the_first_failure(
    daemon, sswd, ledger
) -> None:
    p = daemon.prefix
    file = ledger(
        ("CMD", "slow", "DONE"),
        ("CMD", "no", "REJECTED"),
        ("CMD", "fail", "FAILED"),
        ("CMD", "fail", "DONE"),
        ("CMD", "slow", "DONE"),
    )
    code, out, err = sswd("replay", file, "--to", p, "--dry-run")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == f"{p}CMD slow: would be put (it was DONE)"
    assert len(out.splitlines()) == 4
    code, out, _ = sswd("replay", file, "--to", p, "--speed", "10")
    assert code == 1
    first, as_before, failed = out.splitlines()
    assert first == f"{p}CMD slow: done"
    assert "told to fail" in as_before
    assert as_before.endswith("(it was FAILED)")
    assert "told to fail" in failed
    code, out, _ = sswd("replay", file, "--to", p, "--keep-going")
    assert (code, len(out.splitlines())) == (1, 4)


def test_replay_refuses_where_the_puts_came_from(sswd, ledger) -> None:
    code, _, err = sswd("replay", ledger(("CMD", "x", "DONE")), "--to", "OLD:")
    assert (code, "is where these puts went; name another system" in err) == (78, True)
    code, _, err = sswd("replay", "none.jsonl", "--to", "NEW:")
    assert (code, "none.jsonl: " in err) == (78, True)
    code, out, _ = sswd("replay", ledger(("X", 1, "DONE")), "--to", "NO:such:")
    assert (code, "not found" in out) == (1, True)


# ---- sswd completion


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_command(sswd, shell: str) -> None:
    code, out, err = sswd("completion", shell)
    assert (code, err) == (0, "")
    for command in ("run", "doctor", "replay", "--exclusive-port".lstrip("-")):
        assert command in out


def test_bash_takes_the_completion(sswd, tmp_path: Path) -> None:
    script = tmp_path / "sswd.bash"
    script.write_text(sswd("completion", "bash")[1])
    done = subprocess.run(
        ["bash", "-c", f"source {script} && complete -p sswd"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "sswd" in done.stdout
