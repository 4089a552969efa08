"""Nested loops as one count: which server moves when, and to where."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sswd.master.loops import Loops, ScanError
from sswd.sequence import index_for


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(1, 3))
def test_the_count_goes_through_nested_loops(sizes: list[int], repeat: int) -> None:
    names = [f"s{i}" for i in range(len(sizes))]
    loops = Loops(dict(zip(names, sizes, strict=True)), repeat)
    wanted = list(itertools.product(*map(range, sizes))) * repeat
    assert loops.total == len(wanted)
    before: dict[str, int] = {}
    for count, indices in zip(loops.counts(), wanted, strict=True):
        at = {
            name: index_for(count, loops.dividers[name], size)
            for name, size in zip(names, sizes, strict=True)
        }
        assert tuple(at.values()) == indices
        changed = [name for name in names if at[name] != before.get(name)]
        # Whoever changes moves; a loop of one point moves where its inside begins anew.
        assert set(changed) <= set(loops.moving(count))
        for name in set(loops.moving(count)) - set(changed):
            assert sizes[names.index(name)] == 1
        before = at


def test_a_server_without_a_trajectory_is_refused_in_words() -> None:
    with pytest.raises(ScanError, match="nothing is loaded in laser: put a trajectory"):
        Loops({"stage": 3, "laser": 0})


def test_a_scan_fits_the_count() -> None:
    with pytest.raises(ScanError, match="INDEX counts to"):
        Loops({"a": 10_000, "b": 10_000, "c": 10_000})
