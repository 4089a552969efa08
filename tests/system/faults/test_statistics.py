"""No client hurts the daemon through its statistics."""

import psutil
import pytest
from client import Client, NoAnswer, ca_is_up
from served import served
from systems import one_system

PERIOD = "IOC:UPD_TIME"
WRITES = [
    ("", 0.0),
    (".LOPR", -1.0),
    (".HOPR", -1.0),
    (".DRVL", -1.0),
    (".DRVH", -1.0),
    (".PROC", 1),
    (".SCAN", 0),
]


@pytest.mark.timing
def test_a_client_that_wants_it_to_spin(client: Client) -> None:
    with served(one_system("leaves:Leaves"), client) as daemon:
        ioc = psutil.Process(daemon.pid)
        for field, value in WRITES:
            with pytest.raises(NoAnswer, match="rite access"):
                client.put(daemon.prefix + PERIOD + field, value)
        assert client.get(daemon.prefix + PERIOD) == 15.0
        assert ioc.cpu_percent(1.0) < 60.0
        ca_is_up(daemon, client)
