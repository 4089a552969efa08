"""Row 55: a driver arranges logging for itself; sswd's own words still arrive."""

import pytest
from client import Client
from daemon import until
from served import served
from systems import one_system

CONFIG = one_system("silencers:Silent")


@pytest.mark.row(55)
@pytest.mark.parametrize("by", ["dictConfig", "basicConfig", "disable", "root"])
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
