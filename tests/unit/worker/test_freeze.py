"""A posted value becomes a snapshot that crosses the pipe, or words why it cannot."""

import enum
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sswd.pipe.codec import MessageEncoder, Unsendable
from sswd.pipe.protocol import Post
from sswd.worker.freeze import MAX_ARRAY, MAX_TEXT, freeze, plain_array, sayable


class Color(enum.IntEnum):
    RED = 3


class Word(enum.StrEnum):
    HOME = "home"


class OldWord(str, enum.Enum):  # noqa: UP042 (its str() is not its value)
    HOME = "home"


class Liar(float):
    def __float__(self) -> float:
        raise RuntimeError("no")


class Rude:
    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no")

    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "frozen"),
    [
        (1.5, 1.5),
        (True, True),
        (None, None),
        (-(2**63), -(2**63)),
        ("µm", "µm"),
        (b"\xff", b"\xff"),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab"), b"ab"),
        (Color.RED, 3),
        (Word.HOME, "home"),
        (OldWord.HOME, "home"),
        (np.float32(0.5), 0.5),
        (np.int16(-3), -3),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (np.bytes_(b"x"), b"x"),
        (np.array(2.5), 2.5),
        (np.array("x"), ["x"]),
        (("a", "b"), ["a", "b"]),
        ([b"a", "b"], ["a", "b"]),
        ([OldWord.HOME], ["home"]),
        (np.array(["a", "b"]), ["a", "b"]),
    ],
)
def test_scalars_and_texts(value, frozen):
    got = freeze(value)
    assert got == frozen
    assert type(got) is type(frozen)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ([1, 2], "i8"),
        ([1, 2.5], "f8"),
        ((True, False), "?"),
        ([], "f8"),
        ([[1, 2], [3, 4]], "i8"),
        ([np.float32(1), np.float32(2)], "f4"),
    ],
)
def test_lists_of_numbers_become_arrays(value, dtype):
    got = freeze(value)
    assert isinstance(got, np.ndarray)
    assert got.dtype == np.dtype(dtype)
    assert got.tolist() == [list(v) if isinstance(v, tuple) else v for v in value]


@pytest.mark.parametrize(
    "value",
    [
        object(),
        1j,
        2**63,
        -(2**63) - 1,
        np.uint64(2**64 - 1),
        {"a": 1},
        {1, 2},
        [1, "a"],
        [1, [2, 3]],
        [None, 1.0],
        [2**70],
        [object()],
        [1j],
        np.array([1j]),
        np.array([object()]),
        np.zeros(2, "V8"),
        np.zeros(2, "i4,f8"),
        np.zeros(2, "M8[s]"),
        np.datetime64(1, "s"),
        lambda: 1,
        Liar(1.0),
        Rude(),
        [Rude()],
        "x" * (MAX_TEXT + 1),
        ["x" * 1000] * (MAX_TEXT // 1000 + 1),
    ],
    ids=lambda v: repr(v)[:20] if not isinstance(v, Rude) else "rude",
)
def test_what_cannot_cross_is_told_in_words(value):
    got = freeze(value)
    assert isinstance(got, Unsendable)
    assert got.reason


def test_an_array_larger_than_a_frame_is_refused():
    """The IOC would take it for nonsense and kill the worker."""
    huge = np.broadcast_to(np.zeros(1), (MAX_ARRAY // 8 + 1,))
    assert isinstance(freeze(huge), Unsendable)


def test_a_list_that_holds_itself():
    loop: list[Any] = []
    loop.append(loop)
    assert isinstance(freeze(loop), Unsendable)


def test_it_is_a_snapshot():
    array, numbers, chars = np.arange(3.0), [1, 2], bytearray(b"ab")
    frozen = [freeze(v) for v in (array, numbers, chars)]
    array[:], numbers[0], chars[0] = 9, 9, 9
    assert frozen[0].tolist() == [0, 1, 2]
    assert frozen[1].tolist() == [1, 2]
    assert frozen[2] == b"ab"


def test_a_large_array_has_a_mask_as_a_small_one_has():
    """Those go another way: they are looked at, and not copied."""
    plain = np.zeros(4)
    assert plain_array(plain) is plain
    masked = np.ma.masked_array([1.0, 999.0], mask=[False, True])
    np.testing.assert_equal(plain_array(masked), [1.0, np.nan])
    assert isinstance(
        plain_array(np.ma.masked_array([1, 9], [False, True])), Unsendable
    )


def test_long_bytes_cross_without_copies():
    got = freeze(b"ab" * 5000)
    assert got.dtype == np.uint8
    assert got.tobytes() == b"ab" * 5000


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters())
    | st.binary()
    | st.just(object())
    | hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(min_dims=0, min_side=0)),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner),
    max_leaves=8,
)


@given(ANYTHING)
def test_anything_is_frozen_into_what_can_be_sent(value):
    MessageEncoder().encode(Post([("x", freeze(value), 0.0)]))


@given(st.text(st.characters()))
def test_sayable_text_can_be_encoded(text):
    said = sayable(text)
    said.encode()
    if not any("\ud800" <= c <= "\udfff" for c in text):
        assert said == text
