"""Lines of the control socket: what is one, and what is refused in which words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sswd.control import protocol
from sswd.control.protocol import Refused, answer_of, line_of, request_of

REQUESTS = [
    protocol.Hello(),
    protocol.GetStatus(),
    protocol.Restart(system="a"),
    protocol.Get(pvs=["A"]),
    protocol.Watch(pvs=["A", "B"], elements=3),
    protocol.Call(pv="A", value=1.5),
    protocol.Call(pv="A", value=[1, "x"]),
    protocol.SetLevel(logger="a", level="DEBUG"),
    protocol.Logs(last=0, follow=True),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda r: type(r).__name__)
def test_a_request_comes_through(request_) -> None:
    line = line_of(request_)
    assert line.startswith(b'{"cmd":')
    assert line.endswith(b"\n")
    assert request_of(line) == request_


def test_the_words_of_the_wire() -> None:
    assert request_of(b'{"v":1,"cmd":"status"}') == protocol.GetStatus()
    assert request_of(b'{"v":1,"cmd":"level"}') == protocol.SetLevel()
    assert (
        line_of(protocol.End(words="x"))
        == b'{"kind":"end","v":1,"words":"x","waits":[]}\n'
    )


def test_an_answer_of_a_newer_daemon_is_understood() -> None:
    line = b'{"kind":"end","v":1,"words":"","more":[1]}'
    assert answer_of(line) == protocol.End()


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(line: bytes) -> None:
    with pytest.raises(Refused):
        request_of(line)
    with pytest.raises(Refused):
        answer_of(line)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
    )
)
def test_any_json_is_refused_in_words(value: object) -> None:
    import msgspec

    line = msgspec.json.encode({"v": 1, "cmd": "call", "pv": value, "value": value})
    try:
        request_of(line)
    except Refused as ex:
        assert str(ex)
