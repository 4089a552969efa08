"""Row 55: a driver arranges logging for itself; sswd's own words still arrive."""

import os
import signal

import pytest
from client import Client
from daemon import until
from served import served
from systems import one_system

CONFIG = one_system("silencers:Silent")


@pytest.mark.row(55)
@pytest.mark.parametrize(
    "by", ["dictConfig", "basicConfig", "disable", "root", "machinery"]
)
def test_a_driver_cannot_silence_us(client: Client, by: str) -> None:
    with served(CONFIG, client, env={"SILENCED_BY": by}) as daemon:
        until(lambda: "the readback is broken" in daemon.log, "the word of @every")
        put = client.start_put(daemon.prefix + "CMD", "go")
        client.wait_for(daemon.prefix + "BUSY", "Busy")
        client.put(daemon.prefix + "ABORT", 1)
        assert put.result(10.0) is False
        daemon.stop()
        log = daemon.log
    assert "periodic method readback failed" in log
    assert "abort() raised" in log
    assert "close failed: RuntimeError: close is broken" in log


GROUPED = one_system("leaves:Leaves", 'group = "silencing_group:Silencing"')


@pytest.mark.row(55)
@pytest.mark.parametrize("by", ["dictConfig", "basicConfig", "disable", "factory"])
def test_a_group_cannot_silence_the_daemon(client: Client, by: str) -> None:
    """Its module is imported by the IOC itself."""
    env = {"SILENCED_BY": by}
    with served(GROUPED, client, systems=("seq:",), env=env) as daemon:
        worker = client.get(daemon.prefix + "seq:WORKER:PID")
        os.kill(worker, signal.SIGKILL)
        until(lambda: "was killed by SIGKILL" in daemon.log, "the word of its death")
        daemon.stop()
        assert "sswd.ioc: stopped" in daemon.log
