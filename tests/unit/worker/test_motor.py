"""The worker's side of a motor: which methods of the object are called, and when."""

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from sswd.errors import LoadError
from sswd.pipe.motor import COMMANDS, MotorReport, decode_report, encode_report
from sswd.pipe.protocol import ReadState
from sswd.pipe.worker_spec import MotorSpec
from sswd.worker.motors import Motors
from sswd.worker.readback import Readback


class Stage:
    """Has the two things that a motor must have. `move` returns when it is there."""

    def __init__(self) -> None:
        self.position = 0.0
        self.calls: list[Any] = []

    def move(self, position: float) -> None:
        self.calls.append(("move", position))
        self.position = position


class Full(Stage):
    """Has everything. `move` returns at once; `moving` is told `still` times."""

    velocity = 2.0
    limits = (-1, 1)
    units = "mm"
    enabled = False
    still = 3

    def __init__(self) -> None:
        super().__init__()
        self.left = 0

    @property
    def moving(self) -> bool:
        self.left = max(0, self.left - 1)
        return self.left > 0

    def move(self, position: float) -> None:
        super().move(position)
        self.left = self.still

    def stop(self) -> None:
        self.calls.append("stop")
        self.left = 0

    def home(self, direction: int) -> None:
        self.calls.append(("home", direction))

    def jog(self, velocity: float) -> None:
        self.calls.append(("jog", velocity))
        self.left = self.still

    def set_position(self, position: float) -> None:
        self.position = position

    def at_high(self) -> bool:
        return self.position > 0.5


class Owner:
    """The system that has the stage."""

    def __init__(self, stage: Any) -> None:
        self.x = stage
        self.axes = self


def motors_of(
    stage: Any, post: Callable[[MotorReport], None] = lambda _report: None, **spec: Any
) -> Motors:
    settings = MotorSpec(spec.pop("object", ""), poll_s=0.001, **spec)

    def posted(updates: Any) -> None:
        for name, text in updates.items():
            assert name == "X"
            post(decode_report(text))

    made = Motors({"X": settings}, Owner(stage), lambda result: result, posted)
    made.check()
    return made


@pytest.mark.parametrize("path", ["", "x", "axes.x"])
def test_the_object_is_found(path: str) -> None:
    stage = Stage()
    motors_of(stage, object=path).execute("X.DVAL", 2.5)
    assert stage.calls == [("move", 2.5)]


def test_the_system_itself() -> None:
    stage = Stage()
    made = Motors({"X": MotorSpec("self")}, stage, lambda r: r, lambda _updates: None)
    made.check()
    made.execute("X.DVAL", 1)
    assert stage.calls == [("move", 1.0)]


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        (None, "no attribute X or x"),
        (object(), "no move"),
        (type("A", (), {"move": print})(), "no position"),
    ],
)
def test_what_cannot_be_moved_is_told(stage: Any, words: str) -> None:
    with pytest.raises(LoadError, match=words):
        motors_of(stage)


def test_a_move_that_blocks() -> None:
    reports: list[MotorReport] = []
    motors_of(Stage(), reports.append).execute("X.DVAL", 2.5)
    assert reports == [
        MotorReport(position=0.0, moving=True),
        MotorReport(position=2.5, ended=1),
    ]


def test_a_move_that_returns_at_once_lasts_while_it_moves() -> None:
    reports: list[MotorReport] = []
    stage = Full()
    motors_of(stage, reports.append).execute("X.DVAL", 0.75)
    assert reports[-1].position == 0.75
    assert [report.moving for report in reports][-2:] == [True, False]
    assert reports[-1].ended == 1
    assert stage.left == 0


def test_what_a_full_object_says() -> None:
    reports: list[MotorReport] = []
    stage = Full()
    stage.position = 1.0
    motors_of(stage, reports.append).report()
    assert reports == [
        MotorReport(
            position=1.0,
            limits=(-1.0, 1.0),
            velocity=2.0,
            enabled=False,
            units="mm",
            at_high=True,
        )
    ]


def test_commands_of_a_full_object() -> None:
    stage = Full()
    motors = motors_of(stage)
    for command, value in [("HOMF", 1), ("HOMR", 1), ("JOGF", 9), ("JOGR", 9)]:
        motors.execute(f"X.{command}", value)
    motors.execute("X.VELO", 3.0)
    motors.execute("X.CNEN", 1.0)
    motors.execute("X.SET", 4.0)
    motors.execute("X.STOP", 1.0)
    assert stage.calls == [
        ("home", 1),
        ("home", -1),
        ("jog", 2.0),
        ("jog", -2.0),
        "stop",
    ]
    assert (stage.velocity, stage.enabled, stage.position) == (3.0, True, 4.0)


@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if c not in ("DVAL", "JOGF", "JOGR")]
)
def test_what_an_object_cannot_do_is_told(command: str) -> None:
    with pytest.raises(NotImplementedError, match="Stage has no"):
        motors_of(Stage()).execute(f"X.{command}", 1.0)


def test_a_jog_without_jog_goes_to_the_limit() -> None:
    stage = Stage()
    motors = motors_of(stage)
    motors.execute("X.JOGF", 7.0)
    assert stage.calls == [("move", 7.0)]
    with pytest.raises(NotImplementedError, match="without limits"):
        motors.execute("X.JOGF", float("nan"))


def test_a_move_that_raises_has_ended_too() -> None:
    reports: list[MotorReport] = []
    stage = Stage()
    stage.move = lambda _position: 1 / 0  # type: ignore[method-assign, assignment]
    with pytest.raises(ZeroDivisionError):
        motors_of(stage, reports.append).execute("X.DVAL", 1.0)
    assert reports[-1] == MotorReport(position=0.0, ended=1)


class Slow(Stage):
    """Moves until it is stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.stopped = threading.Event(), threading.Event()

    def move(self, position: float) -> None:
        self.begun.set()
        assert self.stopped.wait(10.0)

    def stop(self) -> None:
        self.stopped.set()


def test_an_abort_stops_the_motor_that_moves_and_else_the_system() -> None:
    stage, called = Slow(), []
    motors = motors_of(stage)
    abort = motors.abort_of(lambda: called.append("system"))
    assert abort is not None
    abort()
    assert called == ["system"]
    thread = threading.Thread(target=motors.execute, args=("X.DVAL", 1.0))
    thread.start()
    assert stage.begun.wait(10.0)
    abort()
    thread.join(10.0)
    assert stage.stopped.is_set()
    assert called == ["system"]


def test_an_object_without_stop_leaves_an_abort_to_the_system() -> None:
    stage, called = Stage(), []
    motors = motors_of(stage)
    abort = motors.abort_of(lambda: called.append("system"))
    assert abort is not None
    stage.move = lambda _position: abort()  # type: ignore[method-assign]
    motors.execute("X.DVAL", 1.0)
    assert called == ["system"]


def test_reports_that_say_nothing_new_are_few() -> None:
    reports: list[MotorReport] = []
    stage = Stage()
    motors = motors_of(stage, reports.append, idle_poll_s=3600.0)
    for _ in range(5):
        motors.report()
    stage.position = 1.0
    motors.report()
    assert [report.position for report in reports] == [0.0, 1.0]


def test_a_motor_at_rest_that_cannot_be_read_stays_told() -> None:
    """Between two readings at rest nothing is known: it does not "work again"."""

    class Lost(Stage):
        @property
        def position(self) -> float:  # type: ignore[override]
            raise ConnectionError("it hung up")

        @position.setter
        def position(self, value: float) -> None: ...

    heard: list[str] = []
    outcomes = SimpleNamespace(
        every_worked=lambda _name: heard.append("worked"),
        every_failed=lambda _name, ex: heard.append(str(ex)),
    )
    outbox = SimpleNamespace(tell=heard.append, post=heard.append)
    [poll] = motors_of(Lost(), idle_poll_s=3600.0).polls()
    readback = Readback(
        poll.name, poll.call, poll.marked, outbox, outcomes, poll.is_due
    )
    for _ in range(5):
        readback.call()
    words = "ConnectionError: it hung up"
    assert heard == [ReadState("motor X", words, ["X"]), "it hung up"]


def test_motors_of_a_wrapped_driver_are_looked_for_in_it() -> None:
    stage = Stage()
    wrapper = SimpleNamespace(wrapped_driver=None)
    specs = {"X": MotorSpec("self"), "Y": MotorSpec("axes.y"), "Z": MotorSpec("")}
    motors = Motors(specs, wrapper, lambda r: r, lambda _updates: None)
    with pytest.raises(LoadError, match="motor X: its driver is not connected"):
        motors.check()
    wrapper.wrapped_driver = stage
    stage.z, stage.axes = Stage(), SimpleNamespace(y=Stage())  # type: ignore[attr-defined]
    motors.check()
    motors.execute("X.DVAL", 1.0)
    motors.execute("Y.DVAL", 2.0)
    assert (stage.position, stage.axes.y.position) == (1.0, 2.0)  # type: ignore[attr-defined]


def test_motors_that_move_with_another_are_told_before_its_end() -> None:
    class Pair(Stage):
        def move(self, position: float) -> None:
            self.position = one.position = position

    one, pair = Stage(), Pair()
    owner = Owner(one)
    owner.axes = pair  # type: ignore[assignment]
    told: dict[str, str] = {}
    specs = {"X": MotorSpec(""), "AXES": MotorSpec("")}
    motors = Motors(specs, owner, lambda result: result, told.update)
    motors.execute("AXES.DVAL", 2.0)
    assert decode_report(told["X"]).position == 2.0


def test_positions_that_are_no_numbers() -> None:
    reports: list[MotorReport] = []
    stage = Stage()
    stage.position = float("nan")
    motors_of(stage, reports.append).report()
    assert reports == [MotorReport(position=None)]


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"position": "x"}', "x" * 3000])
def test_a_report_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="report"):
        decode_report(text)


def test_a_report_survives() -> None:
    report = MotorReport(position=0.1, moving=True, ended=3, limits=(0.0, 1.5))
    assert decode_report(encode_report(report)) == report
