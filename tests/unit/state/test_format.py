"""The state file's text: what goes in comes out, and a damaged one is never taken."""

import math

import numpy as np
import pytest

from sswd.ioc.state.format import READABLE, Saved, Torn, decode, encode, is_same

VALUES = [
    1.5,
    -0.0,
    math.inf,
    math.nan,
    2**53,
    True,
    "text with a line\nand \udce9 and µ",
    "",
    b"\x00\xff\n",
    ["a", "b"],
    [],
    np.array([1.0, math.nan, math.inf]),
    np.array([], np.float32),
    np.arange(5, dtype=np.uint16),
    np.linspace(0, 1, READABLE + 1),
    np.arange(READABLE + 1, dtype=np.int8),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_goes_in_comes_out(value: object) -> None:
    serial, found = decode(encode(7, {"A:B": Saved(value, 12.25), "X": Saved(1, 2.0)}))
    assert serial == 7
    assert list(found) == ["A:B", "X"]
    assert found["A:B"].stamp_s == 12.25
    assert is_same(found["A:B"].value, value)


def test_each_pv_is_a_line_that_can_be_read() -> None:
    text = encode(1, {"X": Saved(1.5, 2.0), "Y": Saved(np.ones(2), 3.0)}).decode()
    assert text.splitlines()[1:] == [
        '{"pv": "X", "stamp": 2.0, "value": 1.5}',
        '{"pv": "Y", "stamp": 3.0, "value": {"dtype": "float64", "list": [1.0, 1.0]}}',
    ]


def test_a_file_that_is_cut_or_changed_anywhere_is_refused() -> None:
    content = encode(3, {"X": Saved(1.5, 2.0), "Y": Saved(np.ones(3), 2.0)})
    for end in range(len(content)):
        with pytest.raises(Torn):
            decode(content[:end])
    body = content.index(b"\n") + 1
    for at in range(body, len(content)):
        damaged = bytearray(content)
        damaged[at] ^= 1
        with pytest.raises(Torn):
            decode(bytes(damaged))


@pytest.mark.parametrize(
    "header",
    [b"", b"[]", b"null", b"{}", b'{"sswd_state": 1}', b"\xff", b"[" * 5000],
)
def test_what_is_no_state_file_is_refused(header: bytes) -> None:
    with pytest.raises(Torn, match="header"):
        decode(header + b"\n")


def test_a_newer_version_is_told() -> None:
    content = encode(1, {}).replace(b'"sswd_state": 1', b'"sswd_state": 2')
    with pytest.raises(Torn, match="its version is 2, and this sswd reads 1"):
        decode(content)


@pytest.mark.parametrize(
    "value",
    [object(), 1j, np.ones(2, complex)],
    ids=["object", "complex", "complex array"],
)
def test_a_value_without_a_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        encode(1, {"X": Saved(value, 1.0)})


def test_values_of_other_types_or_lengths_differ() -> None:
    assert not is_same(1, 1.0)
    assert not is_same(np.ones(2), np.ones(3))
    assert not is_same(np.ones(2), np.ones(2, np.float32))
    assert not is_same(math.nan, 1.0)
    assert is_same(math.nan, float("nan"))
