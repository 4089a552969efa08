"""Row 41 over and over: no PV looks good for longer than it may after a random cut."""

import os
import random
import time

import pytest
from client import Client, Monitor
from daemon import until
from served import served
from tcp_instrument import Fault, TcpInstrument, instrument
from test_instrument import BOUND_S, config_of, is_good

CUTS = int(os.environ.get("SSWD_TEST_CUTS", "12"))
"""200 in `make soak`."""
SLACK_S = 0.25
"""For a host that is busy, and the way of an event to the client."""


def break_it(device: TcpInstrument, how: str) -> None:
    if how == "off":
        device.power_off()
    elif how == "hang":
        device.fault = Fault.HANG


def mend(device: TcpInstrument, how: str) -> None:
    device.fault = Fault.NONE
    if how == "off":
        device.power_on()


def good_after(monitor: Monitor, broken_s: float, until_s: float) -> float:
    """For how long after `broken_s` the PV last looked good, in s."""
    last_s = 0.0
    events = [seen for seen in monitor.seen if seen.at_s <= until_s]
    for seen, after in zip(events, [*events[1:], None], strict=True):
        ends_s = until_s if after is None else after.at_s
        if is_good(seen) and ends_s > broken_s:
            last_s = ends_s - broken_s
    return last_s


@pytest.mark.timeout(60 + 4 * CUTS)
@pytest.mark.timing
@pytest.mark.row(41)
@pytest.mark.row(42)
def test_no_pv_looks_good_for_longer_than_it_may(client: Client) -> None:
    dice = random.Random(1)
    took_s: dict[str, float] = {}
    with (
        instrument() as device,
        served(config_of("Reconnects", device.port), client) as daemon,
    ):
        pvs = [client.monitor(daemon.prefix + pv) for pv in ("T", "LEVEL")]
        for number in range(1, CUTS + 1):
            until(lambda: all(is_good(m.last) for m in pvs), "all to be good")
            time.sleep(dice.uniform(0.0, 0.2))
            how = dice.choice(["off", "hang"])
            broken_s = time.monotonic()
            break_it(device, how)
            until(lambda: not any(is_good(m.last) for m in pvs), "all to be bad")
            time.sleep(dice.uniform(0.0, 0.3))
            mended_s = time.monotonic()
            for monitor in pvs:
                cut = f"{monitor.pv}, cut {number} ({how})"
                took_s[cut] = good_after(monitor, broken_s, mended_s)
                assert took_s[cut] < BOUND_S + SLACK_S, (cut, took_s[cut])
            mend(device, how)
    for how in ("off", "hang"):
        worst = max((c for c in took_s if how in c), key=took_s.__getitem__, default="")
        print(f"good for longest: {worst}: {took_s.get(worst, 0.0):.3f} s")
