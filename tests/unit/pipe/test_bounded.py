"""Long messages: those of ours arrive whole, others take neither time nor memory."""

import gc
import time
import tracemalloc
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict

from sswd.config import PvConfig
from sswd.errors import ConfigError, LoadError, PostRefused, ProtocolError
from sswd.ioc.pvs.coerce import coercer
from sswd.ioc.pvs.declared import declare
from sswd.pipe import bounded
from sswd.pipe.bounded import KEYS_BYTES, LONG_HEAD, BoundedDecoder, decoded_keys
from sswd.pipe.codec import MessageEncoder, RawText
from sswd.pipe.limits import MAX_UP_HEAD
from sswd.pipe.plain import MAX_TEXT, plain
from sswd.pipe.protocol import (
    MAX_TEXTS,
    PROTOCOL,
    Failure,
    Finished,
    Loaded,
    Log,
    Message,
    Post,
    Update,
)
from sswd.worker.batches import batches
from sswd.worker.declaration_size import check_size, portions

SPENT_S = 0.1
"""Of the processor's time: twice what a client may wait on a quiet host, and five times
what is needed. An update is for one PV, so the PV that takes longest counts."""
PVS = {
    "float": PvConfig(type="float"),
    "int": PvConfig(type="int"),
    "enum": PvConfig(type="enum", strings=("off", "on")),
    "str": PvConfig(type="str"),
    "text": PvConfig(type="text", length=10_000),
    "bytes": PvConfig(type="bytes", length=10_000),
    "floats": PvConfig(type="float", length=300_000),
    "ints": PvConfig(type="int", length=300_000),
    "strs": PvConfig(type="str", length=10_000),
}
EMPTY, ONE, LIST, MAP, TEXT = b"\xa0", b"\x01", b"\x90", b"\x80", b"\xa1a"


async def nowhere(name: str, value: object) -> None:
    raise AssertionError("no putter runs on a post")


COERCERS = [
    coercer(data) for data in declare(PVS, prefix="P:", forward=nowhere).values()
]


def frame(message: Message) -> tuple[bytes, np.ndarray]:
    """Head and body."""
    head, *body = (bytes(part) for part in MessageEncoder().encode(message))
    return head[8:], np.frombuffer(b"".join(body), np.uint8)


def there_and_back(message: Message) -> Any:
    head, body = frame(message)
    assert len(head) >= LONG_HEAD, "it is not long"
    assert len(head) <= MAX_UP_HEAD
    return BoundedDecoder().decode(head, body)


def many(count: int, element: bytes) -> bytes:
    """A list of so many elements in msgpack."""
    return b"\xdd" + count.to_bytes(4, "big") + element * count


def mapping(count: int) -> bytes:
    """A mapping of so many pairs."""
    return b"\xdf" + count.to_bytes(4, "big") + (TEXT + ONE) * count


def posting(value: bytes, updates: int = 1) -> bytes:
    """The head of a Post with this encoded value, as often as asked."""
    update = b"\x93\xa1X" + value + b"\xcb" + bytes(8)
    return b"\x92\xa4Post" + many(updates, update)


ROOM = MAX_UP_HEAD - 100
HOSTILE = {
    "numbers": posting(many(ROOM, ONE)),
    "floats": posting(many(230_000, b"\xcb" + bytes(8))),
    "texts": posting(many(ROOM // 2, TEXT)),
    "empty texts": posting(many(ROOM, EMPTY)),
    "lists": posting(many(ROOM, LIST)),
    "mappings": posting(many(ROOM, MAP)),
    "nested": posting(many(9_999, many(200, LIST))),
    "a mapping": posting(mapping(ROOM // 3)),
    "updates": posting(ONE, ROOM // 14),
    "lists of texts": posting(many(2_000, EMPTY), 800),
    "texts that are none": posting(many(9_999, b"\xc7\x7f\x04" + b"\x80" * 127)),
    "bytes": posting(b"\xc6" + ROOM.to_bytes(4, "big") + b"\xff" * ROOM),
    "a long reason": posting(
        b"\xc9" + ROOM.to_bytes(4, "big") + b"\x02" + b"\xff" * ROOM
    ),
    "a long shape": posting(
        b"\xc9" + (ROOM).to_bytes(4, "big") + b"\x01\x92\xa3<f8" + many(ROOM - 11, ONE)
    ),
    "a short list": posting(many(65_000, LIST)),
    "a short mapping": posting(mapping(20_000)),
    "verbs": b"\x94\xa6Loaded\x03\x80" + many(ROOM, LIST),
    "keys": b"\x94\xa6Loaded\x03\x81\xa1X" + many(ROOM, LIST) + LIST,
    "names": b"\x94\xa9ReadState\xa1m\xa1w" + many(ROOM // 2, TEXT),
    "a declaration": b"\x92\xa7Declare\x81\xa1X" + many(ROOM, LIST),
    "a long text among numbers": posting(
        many(5_000, ONE)[:-1] + b"\xdb" + (250_000).to_bytes(4, "big") + b"x" * 250_000
    ),
}
"""Heads that a corrupt worker may send, each within what a frame may announce."""


def received(head: bytes) -> float:
    """Do all that the loop does with a head: decode it, and make its values fit. How
    long that takes, with the slowest PV."""
    begun_s = time.thread_time()
    try:
        message = BoundedDecoder().decode(head)
    except ProtocolError as ex:
        assert len(str(ex)) < 300
        return time.thread_time() - begun_s
    if isinstance(message, Loaded):
        for keys in message.pvs.values():
            try:
                decoded_keys(keys)
            except ProtocolError as ex:
                assert len(str(ex)) < 300
    took_s = time.thread_time() - begun_s
    values = [update.value for update in getattr(message, "updates", [])]
    return took_s + max(fitted(coerce, values) for coerce in COERCERS)


def fitted(coerce: Any, values: list[Any]) -> float:
    """How long it takes to make the values fit one PV, or to refuse them."""
    begun_s = time.thread_time()
    for value in values:
        try:
            coerce(value)
        except PostRefused as ex:
            assert len(str(ex)) < 20_000
    return time.thread_time() - begun_s


@pytest.mark.timing
@pytest.mark.parametrize("name", list(HOSTILE))
def test_nothing_that_a_worker_may_send_holds_the_loop(name: str) -> None:
    head = HOSTILE[name]
    assert len(head) <= MAX_UP_HEAD
    took_s = min(received(head) for _ in range(3))
    print(f"\n{name}: {took_s * 1e3:.1f} ms")
    assert took_s < SPENT_S
    assert gc.isenabled()


@pytest.mark.parametrize("name", list(HOSTILE))
def test_nothing_that_a_worker_may_send_takes_memory(name: str) -> None:
    tracemalloc.start()
    try:
        received(HOSTILE[name])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 << 20


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A hostile head with bytes changed, cut out or put in."""
    data = bytearray(draw(st.sampled_from(list(HOSTILE.values()))))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, 60))
        match draw(st.sampled_from(["set", "cut", "put"])):
            case "set":
                data[at] = draw(st.integers(0, 255))
            case "cut":
                del data[at : at + draw(st.integers(1, 9))]
            case "put":
                data[at:at] = draw(st.binary(min_size=1, max_size=9))
    return bytes(data)


@pytest.mark.timing
@settings(max_examples=60, deadline=None)
@given(mutations())
def test_no_mutation_of_a_long_message_holds_the_loop(head: bytes) -> None:
    assert min(received(head) for _ in range(2)) < SPENT_S


def test_what_our_workers_post_arrives_whole() -> None:
    texts = [f"text {n}" for n in range(MAX_TEXTS - 2)]
    long = "\N{GRINNING FACE}" * MAX_TEXT
    array = np.arange(300_000.0)
    updates = [
        Update("T", texts, 1.0),
        Update("L", long, 2.0),
        Update("A", array, 3.0),
        Update("R", ["a", RawText("\udc80")], 4.0),
        Update("N", None, 5.0, keeps_value=True),
    ]
    for message in (Post(updates), Finished(7, Failure("A", "b"), updates)):
        found = there_and_back(message)
        if isinstance(message, Finished):
            assert (found.id, found.failure) == (7, Failure("A", "b"))
        posts = found.updates if isinstance(found, Post) else found.posts
        assert [u.pv for u in posts] == ["T", "L", "A", "R", "N"]
        assert posts[0].value == texts
        assert posts[1].value == long
        assert (posts[2].value == array).all()
        assert posts[3].value == ["a", "\udc80"]
        assert posts[4].keeps_value
    record = Log(20, "x", "y" * 100_000)
    assert there_and_back(record) == record


def test_all_batches_of_lists_of_texts_are_messages() -> None:
    updates = [Update("T", ["x"] * 3_000, 0.0)] * 20
    sent = list(batches(updates))
    assert sum(map(len, sent)) == 20
    for batch in sent:
        head, _ = frame(Post(batch))
        assert len(BoundedDecoder().decode(head).updates) == len(batch)


def test_more_texts_than_a_message_holds_are_refused_in_the_worker() -> None:
    assert f"list of {MAX_TEXTS + 1} texts" in str(plain(["x"] * (MAX_TEXTS + 1)))
    assert plain(["x"] * MAX_TEXTS) == ["x"] * MAX_TEXTS


def test_the_keys_of_a_class_with_thousands_of_pvs_arrive() -> None:
    keys = {"type": "float", "units": "mm", "limits": [0.0, 1.0]}
    pvs = {f"PV{n}": keys for n in range(10_000)}
    verbs = [{"name": "move", "parameters": []}]
    loaded = Loaded(PROTOCOL, pvs, verbs, in_order=["PV1"], has_connect=True)
    found = there_and_back(loaded)
    assert {pv: decoded_keys(given) for pv, given in found.pvs.items()} == pvs
    assert msgspec.structs.replace(found, pvs=pvs) == loaded


def test_keys_that_are_too_long_cost_one_pv() -> None:
    pvs = {"LONG": {"value": [0.0] * KEYS_BYTES}, "X": {"type": "float"}}
    found = there_and_back(Loaded(PROTOCOL, pvs, []))
    assert decoded_keys(found.pvs["X"]) == pvs["X"]
    with pytest.raises(ProtocolError, match=r"post a long first value in setup\(\)"):
        decoded_keys(found.pvs["LONG"])


def test_the_long_form_has_the_fields_of_loaded() -> None:
    fields = bounded._Loaded.__struct_fields__
    assert fields == Loaded.__struct_fields__
    bare = asdict(bounded._Loaded(PROTOCOL, {}, msgspec.Raw(b"\x90")))
    assert {**bare, "verbs": []} == asdict(Loaded(PROTOCOL, {}, []))


def test_a_class_that_says_too_much_is_refused_in_words() -> None:
    verbs = [{"name": "v", "summary": "x" * 300_000}]
    with pytest.raises(LoadError, match="signatures of its verbs take"):
        check_size(int, Loaded(PROTOCOL, {}, verbs))
    pvs = {f"PV{n}": {"desc": "x" * 1_000} for n in range(3_000)}
    with pytest.raises(LoadError, match="its 3000 PVs take"):
        check_size(int, Loaded(PROTOCOL, pvs, []))
    check_size(int, Loaded(PROTOCOL, {"X": {"type": "float"}}, []))


def test_declarations_are_cut_by_number_and_size() -> None:
    pvs = {f"PV{n}": {"value": [0.0] * 500} for n in range(100)}
    parts = list(portions(pvs))
    assert {k: v for part in parts for k, v in part.items()} == pvs
    assert all(len(msgspec.msgpack.encode(part)) < LONG_HEAD for part in parts)
    assert [len(part) for part in portions({f"P{n}": {} for n in range(33)})] == [32, 1]
    with pytest.raises(ConfigError, match="the keys of LONG take"):
        list(portions({"LONG": {"value": [0.0] * 10_000}}))
