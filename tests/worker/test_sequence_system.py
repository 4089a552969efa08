"""SequenceSystem: what it posts, in which order, and what it refuses."""

import logging
import math
import threading
from typing import Literal

import numpy as np
import pytest
from msgspec import convert

from sswd import Aborted, SequenceSystem
from sswd.config.keys import PvConfig
from sswd.errors import SswdError
from sswd.sequence import GrammarError, StepError, VerbError, verb


class FakeServices:
    """The worker's side of a system: posts are kept, an abort is a flag."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, object]] = []
        self.abort_asked = threading.Event()

    def post(self, updates) -> None:
        for pv, value in updates.items():
            is_array = isinstance(value, np.ndarray)
            self.posts.append((pv, value.tolist() if is_array else value))

    def sleep(self, seconds) -> None:
        if self.abort_asked.wait(seconds):
            raise Aborted

    def is_aborted(self) -> bool:
        return self.abort_asked.is_set()


class Stage(SequenceSystem):
    pvs = {"VAL": {"units": "mm"}, "SPEED": {"type": "float"}}  # noqa: RUF012

    def __init__(self, fail_at: float = math.nan) -> None:
        self.moves: list[float] = []
        self.calls: list[tuple] = []
        self.fail_at = fail_at

    def move(self, value):
        self.moves.append(value)
        if value == self.fail_at:
            raise RuntimeError(f"limit switch at {value:g}\nand more")

    @verb(duration_s=2.0)
    def flow(self, position: float, speed: float = 0.1) -> None:
        """Move the plunger."""
        self.calls.append((position, speed))

    @verb
    def spiral(self, n: int):
        return np.arange(n) ** 2

    @verb
    def wrong(self):
        return "text"


def made(factory=Stage, **args):
    """Make a system as the worker does, and let it announce itself."""
    system = factory.__new__(factory)
    system._services = FakeServices()
    system.__init__(**args)
    system.setup()
    system._between_commands()
    system._services.posts.clear()
    return system


def posts_of(system, pv_name, value, error=None):
    """Run one command and return what it posted."""
    system._services.posts.clear()
    if error is None:
        system.io_execute(pv_name, value)
    else:
        with pytest.raises(error):
            system.io_execute(pv_name, value)
    return system._services.posts


# -- load


def test_load_posts_in_the_order_that_masters_know() -> None:
    system = made()
    assert posts_of(system, "CMD", "linear(0, 3)") == [
        ("ACK", "0"),
        ("values", []),
        ("values", [0.0, 1.0, 2.0]),
        ("message", "3 points loaded"),
        ("INDEX_RBV", -1),
        ("READY", True),
        ("ACK", "1"),
    ]
    assert system.trajectory.tolist() == [0, 1, 2]
    assert system.moves == []


def test_refused_text_fails_in_words_and_unloads() -> None:
    system = made()
    system.io_execute("CMD", "[7]")
    posts = posts_of(system, "CMD", "liner(0, 3)", GrammarError)
    assert posts == [
        ("ACK", "0"),
        ("values", []),
        ("ACK", "0 column 1: unknown function 'liner'; did you mean linear?"),
    ]
    assert len(system.trajectory) == 0
    assert issubclass(GrammarError, SswdError)


def test_empty_list_unloads() -> None:
    system = made()
    system.io_execute("CMD", "[7]")
    assert ("values", []) in posts_of(system, "CMD", "[]")
    posts_of(system, "INDEX", 0)
    assert system.moves == [0.0]


def test_max_points_is_the_limit() -> None:
    class Short(Stage):
        max_points = 3

    posts_of(made(Short), "CMD", "linear(0, 4)", GrammarError)
    posts_of(made(Short), "CMD", "spiral(4)", StepError)
    posts_of(made(Short), "CMD", "linear(0, 3)")


def test_system_may_refuse_a_trajectory() -> None:
    class Bounded(Stage):
        def accept(self, values):
            if values.max() > 10:
                raise ValueError(f"{values.max():g} mm is beyond the travel of 10 mm")

    system = made(Bounded)
    posts = posts_of(system, "CMD", "[5, 11]", ValueError)
    assert posts[-1] == ("ACK", "0 11 mm is beyond the travel of 10 mm")
    assert len(system.trajectory) == 0


# -- verbs


def test_verb_is_called_and_keeps_the_trajectory() -> None:
    system = made()
    system.io_execute("CMD", "[7]")
    assert posts_of(system, "CMD", "flow(position=25, speed=0.5)") == [
        ("ACK", "0"),
        ("ACK", "1"),
    ]
    assert system.calls == [(25.0, 0.5)]
    assert system.trajectory.tolist() == [7]


def test_refused_call_keeps_the_trajectory_and_does_nothing() -> None:
    system = made()
    system.io_execute("CMD", "[7]")
    posts_of(system, "CMD", "flow(psition=25)", GrammarError)
    assert system.calls == []
    assert system.trajectory.tolist() == [7]


def test_verb_that_returns_numbers_loads_them() -> None:
    system = made()
    posts = posts_of(system, "CMD", "spiral(4)")
    assert ("values", [0.0, 1.0, 4.0, 9.0]) in posts
    assert posts[-1] == ("ACK", "1")


def test_verb_that_returns_something_else_fails() -> None:
    posts = posts_of(made(), "CMD", "wrong()", StepError)
    assert posts[-1][1].startswith("0 verb wrong returned a str")


def test_unmarked_methods_cannot_be_called() -> None:
    system = made()
    for text in ("move(1)", "close()", "io_put('ACK', '1')", "__init__()", "step(1)"):
        posts_of(system, "CMD", text, GrammarError)
    assert system.moves == []


def test_bad_verbs_are_refused_when_the_class_is_made() -> None:
    with pytest.raises(VerbError, match="cannot name a verb"):

        class Clash(SequenceSystem):
            @verb
            def linear(self): ...


def test_choice_reaches_the_method() -> None:
    class Valve(Stage):
        @verb
        def valve(self, way: Literal["load", "inject"] = "load"):
            self.calls.append((way,))

    system = made(Valve)
    system.io_execute("CMD", "valve('inject')")
    system.io_execute("CMD", "flow(1)")
    assert system.calls == [("inject",), (1.0, 0.1)]


# -- step


def test_step_posts_ready_last() -> None:
    system = made()
    system.io_execute("CMD", "[10, 20, 30]")
    posts = posts_of(system, "INDEX", 4)
    assert system.moves == [20.0]
    assert [pv for pv, _ in posts] == [
        "ACK", "READY", "VAL", "STEP_TIME", "INDEX_RBV", "ACK", "READY",
    ]  # fmt: skip
    values = [value for pv, value in posts if pv != "STEP_TIME"]
    assert values == ["0", False, 20.0, 4, "1", True]


def test_posts_before_the_move_are_before_the_move() -> None:
    class Looking(Stage):
        def move(self, value):
            self.seen = dict(self._services.posts)

    system = made(Looking)
    posts_of(system, "INDEX", 0)
    assert system.seen == {"ACK": "0", "READY": False}


def test_divider_and_idle_value_are_obeyed() -> None:
    system = made()
    system.io_execute("IDLE_VALUE", -5.0)
    system.io_execute("INDEX", 3)
    system.io_execute("CMD", "[10, 20]")
    system.io_execute("DIVIDER", 3)
    for count in range(7):
        system.io_execute("INDEX", count)
    assert system.moves == [-5, 10, 10, 10, 20, 20, 20, 10]


def test_system_may_tell_what_it_reached() -> None:
    class Coarse(Stage):
        def move(self, value):
            return round(value)

    system = made(Coarse)
    system.io_execute("CMD", "[1.4]")
    assert ("VAL", 1.0) in posts_of(system, "INDEX", 0)


def test_failed_move_is_not_ready() -> None:
    system = made(fail_at=20)
    system.io_execute("CMD", "[10, 20]")
    posts = posts_of(system, "INDEX", 1, RuntimeError)
    assert posts == [
        ("ACK", "0"),
        ("READY", False),
        ("ACK", "0 limit switch at 20"),
    ]
    assert posts_of(system, "INDEX", 0)[-1] == ("READY", True)


@pytest.mark.parametrize(
    ("pv", "value"), [("INDEX", -1), ("INDEX", 2**31), ("DIVIDER", 0), ("DIVIDER", 1.5)]
)
def test_bad_numbers_are_refused_before_anything_moves(pv, value) -> None:
    system = made()
    system.io_execute("CMD", "[1]")
    posts = posts_of(system, pv, value, StepError)
    assert "READY" not in dict(posts)
    assert system.moves == []


def test_without_move_it_says_so() -> None:
    class Half(SequenceSystem):
        pass

    posts_of(made(Half), "INDEX", 0, NotImplementedError)


# -- abort


class Slow(Stage):
    def move(self, value):
        self.moves.append(value)
        if value >= 100:
            self._services.abort_asked.set()
            self.sleep(10)


class Polite(Slow):
    """Looks at `aborted` and returns, as if it had arrived."""

    def move(self, value):
        self.moves.append(value)
        if value >= 100:
            self._services.abort_asked.set()


@pytest.mark.parametrize("factory", [Slow, Polite])
def test_aborted_step_is_never_ready(factory) -> None:
    system = made(factory)
    system.io_execute("CMD", "[100]")
    assert posts_of(system, "INDEX", 0, Aborted) == [
        ("ACK", "0"),
        ("READY", False),
        ("ACK", "0 aborted"),
    ]


def test_return_move_follows_an_abort_once() -> None:
    system = made(Slow)
    system.io_execute("CMD", "[100]")
    system.io_execute("RETURN_VALUE", 3.5)
    posts_of(system, "INDEX", 0, Aborted)
    system._services.abort_asked.clear()  # the worker does, with the next command
    system._services.posts.clear()
    system._between_commands()
    system._between_commands()
    assert system.moves == [100, 3.5]
    assert system._services.posts == [
        ("READY", False),
        ("message", "returning to 3.5 after an abort"),
        ("VAL", 3.5),
        ("message", "returned to 3.5"),
        ("READY", True),
    ]


def test_without_return_value_it_stays() -> None:
    system = made(Slow)
    system.io_execute("CMD", "[100]")
    posts_of(system, "INDEX", 0, Aborted)
    system._between_commands()
    assert system.moves == [100]


def test_next_step_takes_the_place_of_the_return_move() -> None:
    system = made(Slow)
    system.io_execute("CMD", "[100, 5]")
    system.io_execute("RETURN_VALUE", 3.5)
    posts_of(system, "INDEX", 0, Aborted)
    system._services.abort_asked.clear()
    posts_of(system, "INDEX", 1)
    system._between_commands()
    assert system.moves == [100, 5]


def test_aborted_verb_brings_the_return_move_too() -> None:
    class Pump(Slow):
        @verb
        def fill(self):
            self.sleep(10)

    system = made(Pump)
    system.io_execute("RETURN_VALUE", 1)
    system._services.abort_asked.set()
    posts_of(system, "CMD", "fill()", Aborted)
    system._services.abort_asked.clear()
    system._between_commands()
    assert system.moves == [1]


def test_failed_return_move_is_not_repeated() -> None:
    system = made(Slow, fail_at=math.nan)
    system.io_execute("RETURN_VALUE", 200)
    system._is_return_due = True
    with pytest.raises(Aborted):
        system._between_commands()
    system._services.abort_asked.clear()
    system._between_commands()
    assert system.moves == [200]


# -- a new run


def restarted(back, factory=Stage):
    system = factory.__new__(factory)
    system._services = FakeServices()
    system.__init__()
    system.restore(back)
    assert system._services.posts == []
    system.setup()
    return system


INITIAL = {
    "values": np.array([np.nan, np.nan]),
    "INDEX": 0,
    "INDEX_RBV": -1,
    "READY": True,
    "IDLE_VALUE": 0.0,
    "DIVIDER": 1,
    "RETURN_VALUE": np.nan,
    "STEP_TIME": 0.0,
}


@pytest.mark.parametrize("back", [{}, INITIAL])
def test_first_run_is_ready_and_has_nothing_loaded(back) -> None:
    system = restarted(back)
    system._between_commands()
    assert len(system.trajectory) == 0
    assert dict(system._services.posts)["READY"] is True
    assert dict(system._services.posts)["INDEX_RBV"] == -1
    assert "message" not in dict(system._services.posts)


def test_new_run_takes_everything_over_and_moves_nothing() -> None:
    system = restarted(
        {
            "values": np.array([10.0, 20.0, 30.0]),
            "INDEX": 5,
            "INDEX_RBV": 5,
            "READY": "READY",
            "IDLE_VALUE": -1.0,
            "DIVIDER": 2,
            "RETURN_VALUE": 0.0,
            "STEP_TIME": 0.25,
        }
    )
    system._between_commands()
    assert system._services.posts == [
        ("values", [10.0, 20.0, 30.0]),
        ("STEP_TIME", 0.25),
        ("INDEX_RBV", 5),
        ("READY", True),
    ]
    assert system.moves == []
    system.io_execute("INDEX", 5)
    system.io_execute("CMD", "[]")
    system.io_execute("INDEX", 5)
    assert system.moves == [30.0, -1.0]


def test_trajectory_that_does_not_fit_is_left_out_and_told(caplog) -> None:
    class Short(Stage):
        max_points = 2

    system = restarted({**INITIAL, "values": [1.0, 2.0, 3.0]}, Short)
    assert len(system.trajectory) == 0
    assert "3 points; the limit is 2" in caplog.text


@pytest.mark.parametrize("ready", [False, 0, "NOT READY"])
def test_lost_step_is_told_and_not_ready_until_sent_again(ready) -> None:
    system = restarted(
        {**INITIAL, "values": [1.0, 2.0], "INDEX": 7, "INDEX_RBV": 6, "READY": ready}
    )
    system._between_commands()
    posts = dict(system._services.posts)
    assert posts["READY"] is False
    assert posts["INDEX_RBV"] == 6
    assert "INDEX 7 did not succeed" in posts["message"]
    assert system.moves == []
    assert posts_of(system, "INDEX", 7)[-1] == ("READY", True)
    assert system.moves == [2.0]


def test_state_is_announced_before_the_first_command_and_once() -> None:
    system = restarted(INITIAL)
    system.io_execute("DIVIDER", 2)
    system._between_commands()
    assert [pv for pv, _ in system._services.posts].count("INDEX_RBV") == 1


def test_periodic_is_marked_for_the_worker() -> None:
    assert SequenceSystem._between_commands._sswd_every.period_s <= 1


# -- declarations


def test_declared_pvs_are_valid_configuration() -> None:
    for pv, keys in Stage.pvs.items():
        config = convert(dict(keys), PvConfig)
        assert len(config.description) <= 40, pv
    assert {pv for pv, keys in Stage.pvs.items() if keys.get("writable")} == {
        "INDEX", "IDLE_VALUE", "DIVIDER", "RETURN_VALUE",
    }  # fmt: skip


def test_every_restored_pv_exists() -> None:
    assert set(SequenceSystem.restored) - {"values"} <= set(SequenceSystem.pvs)


def test_subclass_joins_its_pvs_with_the_inherited_ones() -> None:
    class Finer(Stage):
        pvs = {"VAL": {"precision": 9}, "DIVIDER": {"value": 4}}  # noqa: RUF012

    assert Finer.pvs["VAL"]["units"] == "mm"
    assert Finer.pvs["VAL"]["precision"] == 9
    assert "SPEED" in Finer.pvs
    assert set(SequenceSystem.pvs) < set(Finer.pvs)
    assert "units" not in SequenceSystem.pvs["VAL"]
    system = made(Finer)
    system.io_execute("CMD", "[1, 2]")
    system.io_execute("INDEX", 4)
    assert system.moves == [2]


def test_worker_side_imports_no_channel_access() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from sswd import SequenceSystem; "
        "sys.exit(any(m.partition('.')[0] == 'caproto' or m.startswith('sswd.ioc') "
        "for m in sys.modules))"
    )
    assert subprocess.call([sys.executable, "-c", code], timeout=30) == 0


def test_log_is_the_users_module() -> None:
    assert made().log is logging.getLogger(__name__)
