"""Rows 47 and 49: async drivers tell what their plain twins tell; setpoints survive."""

from typing import Any

import pytest
from client import Client
from served import served
from systems import one_system

PUTS = 1000


def story(target: str, client: Client) -> list[Any]:
    """What a client sees of 1,000 puts, a raise, an abort, a timeout, a restart."""
    config = one_system(target, command="timeout_s = 1.0\nabort_s = [0.5, 0.5, 0.5]")
    seen: list[Any] = []
    with served(config, client) as daemon:
        prefix = daemon.prefix

        def tell(done: bool) -> None:
            words = client.get(prefix + "CMD_ERROR")
            state = client.get(prefix + "CMD_STATE")
            alarm = client.alarm(prefix + "X")
            seen.append((done, state, words, alarm))

        puts = [client.start_put(prefix + "X", float(i)) for i in range(50)]
        assert all(put.result(20.0) for put in puts)
        for i in range(PUTS - 50):
            assert client.put(prefix + "X", float(i))
        client.wait_for(prefix + "X_RBV", (PUTS - 51) / 2)
        assert client.get(prefix + "CMD_ID") == PUTS
        tell(True)
        tell(client.put(prefix + "X", -1.0))
        long = client.start_put(prefix + "CMD", "long")
        client.wait_for(prefix + "BUSY", "Busy")
        client.put(prefix + "ABORT", 1)
        tell(long.result(10.0))
        tell(client.put(prefix + "CMD", "long"))
        tell(client.put(prefix + "X", 8.0))
        client.put(prefix + "WORKER:RESTART", 1)
        client.wait_for(prefix + "WORKER:RUN", 2)
        client.wait_for(prefix + "WORKER:STATE", "RUNNING")
        tell(client.put(prefix + "CMD", "restored"))
        seen.append(client.get(prefix + "message"))
    return seen


@pytest.mark.row(47)
@pytest.mark.row(49)
def test_async_tells_what_its_plain_twin_tells(client: Client) -> None:
    plain = story("twins:Plain", client)
    client.forget()
    assert story("twins:Awaiting", client) == plain
    states = [told[1] for told in plain[:-1]]
    assert states == ["DONE", "FAILED", "ABORTED", "TIMEOUT", "DONE", "DONE"]
    assert plain[-1] == "8.0"
