"""The index in a master's trigger, from all that masters have written."""

import json
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sswd.sequence import TriggerError, TriggerKeyError, index_from

from . import hostile

KEYS = st.text(max_size=12)
PLAIN = st.one_of(
    st.integers(0, 2**31 - 1), st.floats(allow_nan=False), st.booleans(), st.none(),
    st.text(max_size=12),
)  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [
        "{'stage': 3, 'laser': 0}",
        '{"stage": 3, "laser": 0}',
        "{'laser': 0, 'stage': 3}",
        "{'stage':3}",
        "  { 'stage' : 3 , }  \n",
        "{'stage': 3.0}",
        "{'stage': np.int64(3)}",
        "{'stage': numpy.float64( 3. )}",
        "{'name': 'a, }\\'', 'on': True, 'x': null, 'stage': 3}",
        "{u'stage': 3}",
        "{b'stage': 3}",
        b"{'stage': 3, 'laser': 0}",
        b"{'stage': 3}\0\0\0 rest of a longer text",
        "{'stage': 1, 'stage': 3}",
        "{'a': -inf, 'b': -Infinity, 'c': nan, 'stage': 3}",
        r'{"st\u0061ge": 3}',
        r"{'st\x61ge': 3}",
        "3",
        " +3.0 ",
        b"3\0",
        3,
        3.0,
        np.int32(3),
        np.float64(3),
    ],
)
def test_index_is_found(value) -> None:
    assert index_from(value, "stage") == 3


@pytest.mark.parametrize("value", ["{}", "{'laser': 3}", b"{'Stage': 3}\0"])
def test_other_servers_triggers_are_told_apart(value) -> None:
    with pytest.raises(TriggerKeyError, match="no key 'stage'"):
        index_from(value, "stage")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "no dictionary and no number"),
        (b"", "no dictionary and no number"),
        ("stage", "no dictionary and no number"),
        ("nan", "no dictionary and no number"),
        ("1_0", "no dictionary and no number"),
        ("[3]", "no dictionary and no number"),
        ("\N{ARABIC-INDIC DIGIT THREE}", "no dictionary and no number"),
        ("{'stage': 3", "cannot be read from character 2"),
        ("{'stage' 3}", "cannot be read from character 2"),
        ("{'stage': 3} x", "cannot be read"),
        ("{'stage': 3}}", "cannot be read"),
        ("{,}", "cannot be read"),
        ("{'stage': {'a': 1}}", "cannot be read"),
        ("{'stage': [3]}", "cannot be read"),
        ("{'stage': 9**9}", "cannot be read"),
        ("{'stage': open('x')}", "cannot be read"),
        ("{stage: 3}", "cannot be read"),
        ("{'stage': 'three'}", "is no number"),
        ("{'stage': None}", "is no number"),
        ("{'stage': -1}", "index -1 is not from 0"),
        ("{'stage': 1.5}", "no whole number"),
        ("{'stage': 1e999}", "no whole number"),
        ("{'stage': 4294967296}", "not from 0 to 2147483647"),
        (-1, "not from 0"),
        (float("nan"), "no whole number"),
        ("1" * 10_001, "10001 characters"),
    ],
)
def test_unusable_triggers_are_refused_in_words(value, words) -> None:
    with pytest.raises(TriggerError) as refused:
        index_from(value, "stage")
    assert not isinstance(refused.value, TriggerKeyError)
    assert words in str(refused.value)
    assert str(refused.value).isascii()
    assert len(str(refused.value)) < 300


@given(st.dictionaries(KEYS, PLAIN, max_size=6), KEYS, st.integers(0, 2**31 - 1))
def test_what_json_and_python_write_is_read(entries, key, index) -> None:
    entries = {k: v for k, v in entries.items() if "\\" not in k and k.isprintable()}
    key = "".join(c for c in key if c.isprintable() and c != "\\")
    entries[key] = index
    assert index_from(json.dumps(entries, ensure_ascii=False), key) == index
    assert index_from(repr(entries), key) == index


@pytest.mark.timing
@settings(deadline=None)
@given(
    st.one_of(
        st.text(max_size=300),
        st.binary(max_size=300),
        st.lists(
            st.sampled_from(["{", "}", "'", '"', "\\", ":", ",", "'a'", "1", "np.", "(",
                             " ", "'a':1,", "e", "\0", "\ud800"]),
            max_size=60,
        ).map(lambda pieces: ("{" + "".join(pieces) * 100)[:10_000]),
    )
)  # fmt: skip
def test_any_text_is_an_index_or_a_refusal_in_no_time(value) -> None:
    def work():
        with suppress(TriggerError):
            assert 0 <= index_from(value, "a") < 2**31

    assert hostile.cpu_s(work, rounds=2) < 0.05


@pytest.mark.timing
@pytest.mark.parametrize(
    "unit", ["'a':1,", "'", "\\'", "{", " ", "'a':np.", "'a' ", "1", "'a':'", "'\\"]
)
def test_no_trigger_text_is_slow(unit) -> None:
    text = ("{" + unit * 10_000)[:10_000]

    def work():
        with pytest.raises(TriggerError):
            index_from(text, "stage")

    assert hostile.cpu_s(work) < 0.05
