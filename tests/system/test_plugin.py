"""The pytest plugin: its fixtures, its suite for any driver, and that it is inert."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from caproto.server import PVGroup, SubGroup

from sswd.ioc import Server
from sswd.pipe.protocol import Execute
from sswd.testing import CaClient, Daemon, FakeWorker, TcpProxy, running_ioc

MISBEHAVING = Path(__file__).parents[1] / "misbehaving"
DRIVERS = '''\
from sswd import System, every


class Good(System):
    pvs = {"T": {"type": "float"}, "SUM": {"type": "int"}}

    @every(0.1)
    def read(self):
        self.io_put("T", 1.5)

    def on_cmd(self, text):
        self.io_put("SUM", sum(map(int, text.split())))
        self.sleep(float(text.split()[0]))


class Deaf(Good):
    """Looks away when it is aborted, and stumbles when it closes."""

    def on_cmd(self, text):
        while True:
            try:
                self.sleep(float(text))
            except BaseException:
                pass

    def close(self):
        raise OSError("the port is gone")
'''


PROGRAM = """\
import pytest, sys
if "--hasty" in sys.argv:
    sys.argv.remove("--hasty")
    from sswd.testing import conformance
    conformance.POST_S = 0.5
sys.exit(pytest.main(sys.argv[1:]))
"""


def pytest_in(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    plain = ("-p", "no:cacheprovider", "-p", "no:asyncio", "-q")
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *plain, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=150,
    )


def test_sswd_daemon_serves_until_the_test_ends(sswd_daemon: Callable[..., Daemon]):
    daemon = sswd_daemon(system="echo:Stepped", folder=MISBEHAVING)
    assert daemon.put("CMD", "[0, 1, 2]")
    assert list(daemon.get("values")) == [0.0, 1.0, 2.0]
    run = daemon.get("WORKER:RUN")
    daemon.kill_worker()
    daemon.wait_for("WORKER:RUN", run + 1)
    daemon.wait_for("WORKER:STATE", "RUNNING")
    with daemon.hung_worker():
        daemon.put("CMD", "[1]", wait=False)
        daemon.wait_for("CMD_STATE", "RUNNING")
    daemon.wait_for("CMD_STATE", "DONE")


class Lab(PVGroup):
    seq = SubGroup(Server, prefix="seq:")


def test_fake_worker_and_ca(fake_worker: FakeWorker, ca: CaClient) -> None:
    lab = Lab(prefix="LAB:")
    lab.seq.system = "mylab.stage:Stage"
    with running_ioc(lab, env=ca.env):
        worker = fake_worker.next_run()
        worker.come_up()
        ca.wait_for("LAB:seq:WORKER:STATE", "RUNNING")
        ca.put("LAB:seq:CMD", "home", wait=False)
        worker.finish(worker.expect(Execute))
        ca.wait_for("LAB:seq:CMD_STATE", "DONE")


def test_ca_puts_channel_access_on_loopback(
    ca: CaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ca.env["EPICS_CA_ADDR_LIST"] == os.environ["EPICS_CA_ADDR_LIST"]
    assert os.environ["EPICS_CA_ADDR_LIST"] == "127.0.0.1"
    assert os.environ["EPICS_CAS_SERVER_PORT"] == ca.env["EPICS_CA_SERVER_PORT"]


@pytest.fixture
def mirror() -> Iterator[int]:
    """A server that sends every byte back; its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                session, _ = listener.accept()
            except OSError:
                return
            with session:
                while data := session.recv(100):
                    session.sendall(data)

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def connected(proxy: TcpProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def test_the_line_to_an_instrument_is_cut_hung_and_healed(
    mirror: int, sswd_proxy: Callable[[str, int], TcpProxy]
) -> None:
    proxy = sswd_proxy("127.0.0.1", mirror)
    with connected(proxy) as line:
        line.sendall(b"a")
        assert line.recv(1) == b"a"
        proxy.hang()
        line.sendall(b"b")
        line.settimeout(0.2)
        with pytest.raises(TimeoutError):
            line.recv(1)
        line.settimeout(5)
        proxy.heal()
        assert line.recv(1) == b"b", "what hung arrives"
        proxy.slow(0.2)
        line.settimeout(0.1)
        line.sendall(b"c")
        with pytest.raises(TimeoutError):
            line.recv(1)
        line.settimeout(5)
        assert line.recv(1) == b"c"
        proxy.cut()
        assert line.recv(1) == b""
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        connected(proxy)
    proxy.heal()
    with connected(proxy) as line:
        line.sendall(b"d")
        assert line.recv(1) == b"d"
    assert proxy.connections == 2


def test_a_good_driver_passes_the_suite(tmp_path: Path) -> None:
    (tmp_path / "drivers.py").write_text(DRIVERS)
    long = ("--sswd-driver=drivers:Good", "--sswd-put=CMD=0 1 2", "--sswd-long=CMD=9")
    done = pytest_in(tmp_path, *long)
    assert done.returncode == 0, done.stdout
    assert "8 passed" in done.stdout


def test_a_bad_driver_is_told_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "drivers.py").write_text(DRIVERS)
    words = ("--hasty", "--sswd-driver=drivers:Deaf", "--sswd-long=CMD=60")
    done = pytest_in(tmp_path, *words, "-k", "posts or abort_ends or closes")
    assert "3 failed" in done.stdout, done.stdout
    assert "never posted: SUM; for what only a command posts" in done.stdout
    assert "wait with self.sleep, or look at self.aborted" in done.stdout
    assert "close failed: OSError: the port is gone" in done.stdout


INERT = """\
import sys


def test_nothing_of_it_is_loaded():
    loaded = {name for name in sys.modules if name.split(".")[0] == "sswd"}
    allowed = {"sswd", "sswd.version", "sswd.testing", "sswd.testing.plugin"}
    assert loaded <= allowed, loaded
    assert not {"caproto", "numpy", "multiprocess", "msgspec"} & set(sys.modules)
"""


def test_it_is_inert_for_those_who_do_not_use_it(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(INERT)
    done = pytest_in(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
