"""A pass over all channels, of which one cannot be asked."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from sswd.ioc.ca.limits import Limits
from sswd.ioc.ca.server.circuits import Circuits
from sswd.ioc.ca.server.recheck import Recheck
from sswd.ioc.ca.shared import Shared


class Circuit:
    user, address = "eve", ("10.0.0.5", 5000)

    def __init__(self) -> None:
        self.channels = {
            sid: SimpleNamespace(sid=sid, name=f"P:{sid}") for sid in range(3)
        }
        self.asked: list[int] = []

    def recheck(self, channel: Any) -> None:
        self.asked.append(channel.sid)
        if channel.sid == 1:
            raise ZeroDivisionError("no value")


async def test_a_channel_that_fails_ends_neither_the_pass_nor_the_next(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sswd.ioc.ca.evloop.turns.TURN_S", 10.0)
    shared, circuit = Shared(Limits()), Circuit()
    recheck = Recheck(shared, cast("Circuits", [circuit]))
    recheck.begin()
    recheck.begin()
    assert circuit.asked == [0, 1, 2, 0, 1, 2]
    assert not shared.is_rechecking
    assert "recheck P:1 by eve@10.0.0.5 failed: ZeroDivisionError: no" in caplog.text
