"""The event listener's parts: protocol, patience, words without a supervisord."""

import io

import pytest

from sswd import supervisord
from sswd.exit_codes import BAD_CONFIGURATION
from sswd.supervisord.events import BrokenProtocolError, events
from sswd.supervisord.patience import Patience

TICK = (
    b"ver:3.0 server:supervisor serial:1 pool:p poolserial:1 eventname:TICK_5 len:15\n"
)
PAYLOAD = b"when:1201063880"


def test_an_event_is_asked_for_handled_and_acknowledged() -> None:
    out = io.BytesIO()
    listened = events(io.BytesIO(2 * (TICK + PAYLOAD)), out)
    assert next(listened) == "TICK_5"
    assert out.getvalue() == b"READY\n", "acknowledged before it is handled"
    assert list(listened) == ["TICK_5"]
    assert out.getvalue() == 2 * b"READY\nRESULT 2\nOK" + b"READY\n"


@pytest.mark.parametrize("line", [b"\n", b"len:x\n", b"len:-1\n", b"len:99999999\n"])
def test_what_is_no_event_is_refused(line: bytes) -> None:
    with pytest.raises(BrokenProtocolError):
        next(events(io.BytesIO(line), io.BytesIO()))


def test_patience_ends_with_the_limit() -> None:
    patience = Patience(3)
    rounds = [patience.heard({1: False, 2: True}) for _ in range(7)]
    assert rounds == [[], [], [1], [], [], [1], []]


def test_an_answer_gives_new_patience() -> None:
    patience = Patience(2)
    assert patience.heard({1: False}) == []
    assert patience.heard({1: True}) == []
    assert patience.heard({1: False}) == []
    assert patience.heard({}) == []
    assert patience.heard({1: False}) == [], "another process of the same number"
    assert patience.heard({1: False}) == [1]


def test_without_supervisords_address_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SUPERVISOR_SERVER_URL", raising=False)
    assert supervisord.main([]) == BAD_CONFIGURATION
    assert "[unix_http_server]" in capsys.readouterr().err
