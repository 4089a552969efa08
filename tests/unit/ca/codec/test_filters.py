"""Deadbands and the parsing of filters."""

import math

import pytest

from sswd.ioc.ca.codec import protocol
from sswd.ioc.ca.codec.filters import (
    NO_FILTERS,
    ArrayFilter,
    Deadband,
    apply_array_filter,
    parse_filters,
)

VALUE, ALARM = protocol.DBE_VALUE, protocol.DBE_ALARM


def passed(band, values, flags=VALUE):
    return [value for value in values if band.passes(value, flags)]


def test_the_first_value_passes_and_small_changes_do_not():
    assert passed(Deadband("abs", 1.0), [5.0, 5.5, 6.0, 6.1, 5.2, 5.0]) == [
        5.0,
        6.1,
        5.0,
    ]


def test_a_relative_band_is_percent_of_the_last_value_sent():
    assert passed(Deadband("rel", 10.0), [100.0, 109.0, 111.0, 121.0, 123.0]) == [
        100.0,
        111.0,
        123.0,
    ]


def test_an_alarm_change_passes_without_moving_the_band():
    band = Deadband("abs", 10.0)
    assert band.passes(1.0, VALUE)
    assert band.passes(2.0, ALARM)
    assert not band.passes(2.0, VALUE)
    assert band.passes(12.0, VALUE)


def test_nan_and_infinity():
    nan, inf = math.nan, math.inf
    assert passed(Deadband("abs", 1.0), [1.0, inf, inf, -inf, 2.0]) == [
        1.0,
        inf,
        -inf,
        2.0,
    ]
    band = Deadband("abs", 1.0)
    assert [band.passes(v, VALUE) for v in (1.0, nan, nan, 1.0)] == [
        True,
        True,
        False,
        True,
    ]


def test_what_is_no_number_passes():
    assert Deadband("abs", 1.0).passes([1, 2], VALUE)
    assert Deadband("abs", 1.0).passes("text", VALUE)


def test_parse():
    assert parse_filters(None) == NO_FILTERS
    assert parse_filters("[1:2:5]").arr == ArrayFilter(1, 2, 5)
    assert parse_filters('{"dbnd":{"abs":2}}').dbnd == ("abs", 2.0)
    assert parse_filters('{"ts":{}}').ts
    assert parse_filters('{"while":"blue"}').sync == ("while", "blue")


@pytest.mark.parametrize(
    "text",
    [
        '{"nix":{}}',
        "{",
        "[a]",
        "[1:2:3:4]",
        "[0:0:5]",
        '{"arr":5}',
        '{"dbnd":{}}',
        "{}x",
    ],
)
def test_what_is_no_filter_is_a_value_error(text):
    with pytest.raises(ValueError, match="bad channel filter"):
        parse_filters(text)


def test_array_filter_includes_its_end():
    values = [0, 1, 2, 3, 4]
    assert apply_array_filter(ArrayFilter(1, 1, 3), values) == [1, 2, 3]
    assert apply_array_filter(ArrayFilter(0, 2, -1), values) == [0, 2, 4]
    assert apply_array_filter(None, values) is values
