"""Deadbands and the parsing of filters."""

import math

import pytest

from sswd.ioc.ca.codec import protocol
from sswd.ioc.ca.codec.filters import (
    NO_FILTERS,
    ArrayFilter,
    Deadband,
    Decimator,
    TagFilter,
    apply_array_filter,
    gates_of,
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
        '{"dbnd":{"m":"nix"}}',
        '{"dbnd":{"nix":1}}',
        '{"dec":{"n":0}}',
        '{"dec":{"n":1.5}}',
        '{"utag":{"M":4294967296}}',
        '{"ts":{"num":"sec"}}',
        "{}x",
    ],
)
def test_what_is_no_filter_is_a_value_error(text):
    with pytest.raises(ValueError, match="bad channel filter"):
        parse_filters(text)


@pytest.mark.parametrize(
    ("text", "dbnd"),
    [
        ('{"dbnd":{"d":1.5}}', ("abs", 1.5)),
        ('{"dbnd":{"d":1.5,"m":"rel"}}', ("rel", 1.5)),
        ('{"dbnd":{"m":"rel","d":50}}', ("rel", 50.0)),
        ("{dbnd:{abs:1.5}}", ("abs", 1.5)),
        ("{dbnd:{rel:'20'}}", ("rel", 20.0)),
        ('{"dbnd":{}}', ("abs", 0.0)),
    ],
)
def test_every_form_of_a_deadband(text, dbnd):
    assert parse_filters(text).dbnd == dbnd


def test_gates_come_in_the_order_of_the_text():
    filters = parse_filters("{dec:{n:2},dbnd:{abs:1}}")
    assert [type(gate) for gate in gates_of(filters)] == [Decimator, Deadband]
    assert parse_filters("[1:3]{dec:{n:2}}").arr == ArrayFilter(1, 1, 3)


def test_one_of_n_events_passes_whatever_it_is():
    assert passed(Decimator(3), [1, 2, 3, 4, 5, 6, 7]) == [1, 4, 7]
    assert passed(Decimator(1), [1, 2]) == [1, 2]


def test_all_our_events_have_the_user_tag_zero():
    assert passed(TagFilter(1, 1), [1, 2, 3]) == [1]
    assert passed(TagFilter(1, 0), [1, 2, 3]) == [1, 2, 3]
    closed = TagFilter(1, 1)
    closed.passes(1, VALUE)
    assert closed.passes(1, protocol.DBE_PROPERTY)


def test_array_filter_includes_its_end():
    values = [0, 1, 2, 3, 4]
    assert apply_array_filter(ArrayFilter(1, 1, 3), values) == [1, 2, 3]
    assert apply_array_filter(ArrayFilter(0, 2, -1), values) == [0, 2, 4]
    assert apply_array_filter(None, values) is values
