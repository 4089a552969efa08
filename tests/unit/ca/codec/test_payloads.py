"""Values out of the range of the type that they are sent as."""

import struct

import pytest
from caproto import ChannelDouble, ChannelFloat, ChannelInteger

from sswd.ioc.ca.codec import protocol
from sswd.ioc.ca.pv.served_pv import ServedPv


@pytest.mark.parametrize(
    ("channel", "dtype"),
    [
        (ChannelInteger(value=2**70), protocol.LONG),
        (ChannelInteger(value=2**70), protocol.TIME + protocol.LONG),
        (ChannelDouble(value=2**5000), protocol.STRING),
    ],
)
def test_an_int_that_no_number_of_c_holds_has_no_payload(channel, dtype):
    with pytest.raises(ValueError, match="too large"):
        ServedPv.of(channel).wire((dtype, 0, False, None))


def test_a_float_that_is_too_large_is_infinite_as_in_c():
    payload = ServedPv.of(ChannelFloat(value=1e300)).wire(
        (protocol.FLOAT, 0, False, None)
    )
    assert payload.joined()[:4] == struct.pack(">f", float("inf"))
