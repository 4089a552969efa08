"""SequenceSystem: load a trajectory through CMD, then step through it by INDEX.

The user writes `move(value)`; the rest is the contract that timing masters know. What a
master may rely on:

- A put to INDEX completes when the move has ended and everything is published, and
  fails when the move failed, was aborted or lost.
- READY is 0 from the beginning of a move and 1 again when it has succeeded, published
  after everything else of that step. After a move that failed, was aborted or lost with
  its worker, READY stays 0 until a step, a load or the return move has succeeded.
- INDEX_RBV is the count of the last step that succeeded, -1 since the last load.

Threading model: all on the worker's main thread, except `abort`, as in System.
"""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from sswd.sequence import (
    DEFAULT_LIMIT,
    Call,
    GrammarError,
    Series,
    StepError,
    Stepper,
    Verb,
    parse,
    verbs_of,
)
from sswd.sequence.step_pvs import (
    DIVIDER,
    IDLE_VALUE,
    INDEX,
    INDEX_RBV,
    READY,
    RESTORED,
    RETURN_VALUE,
    STEP_TIME,
    VAL,
    VALUES,
)
from sswd.sequence.stepping import whole
from sswd.worker.sequence_pvs import SEQUENCE_PVS
from sswd.worker.system import Aborted, System, every

_LOOK_S = 0.25
"""How soon after a command the work between commands begins."""


class SequenceSystem(System):
    """Base class of systems that are stepped through a trajectory.

    Example::

        class Stage(SequenceSystem):
            pvs = {"VAL": {"units": "mm"}}  # joined with the PVs of this class

            def setup(self):
                self.axis = connect()

            def move(self, value):
                self.axis.go(value)
                while self.axis.is_moving():
                    self.sleep(0.01)

    The user writes `move`, and may write `accept`, `setup`, `close` and verbs. A text
    put to CMD loads a trajectory or calls a verb; docs/reference/sequences.md has the
    language. Methods marked with `sswd.sequence.verb` are verbs. A subclass whose verbs
    cannot be used raises VerbError when it is defined.

    All methods run on the worker's main thread, except `abort`.
    """

    pvs: ClassVar[Mapping[str, Mapping[str, Any]]] = SEQUENCE_PVS
    """A subclass names only what it adds or changes, by PV and by key."""

    restored: Any = RESTORED
    """PVs whose values the IOC hands to `restore` when a worker starts."""

    in_order: ClassVar[tuple[str, ...]] = (READY,)
    """READY must not overtake what was posted before it."""

    max_points: ClassVar[int] = DEFAULT_LIMIT
    """The longest trajectory: the length of `values`."""

    verbs: ClassVar[Mapping[str, Verb]] = {}
    """The verbs of this class by name."""

    _stepper: Stepper
    _handed_back: dict[str, Any]
    _is_announced: bool
    _is_return_due: bool

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Join the PVs of all bases and find the verbs; VerbError if one cannot be."""
        super().__init_subclass__(**kwargs)
        inherited = super(cls, cls).pvs
        own = cls.__dict__.get("pvs", {})
        cls.pvs = {
            pv: {**inherited.get(pv, {}), **own.get(pv, {})}
            for pv in [*inherited, *(pv for pv in own if pv not in inherited)]
        }
        cls.verbs = verbs_of(cls)

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        """Make the state here, so that no `__init__` has to call ours."""
        self = super().__new__(cls)
        self._stepper = Stepper(
            idle_value=float(cls.pvs[IDLE_VALUE].get("value", 0.0)),
            divider=int(cls.pvs[DIVIDER].get("value", 1)),
            return_value=float(cls.pvs[RETURN_VALUE].get("value", math.nan)),
        )
        self._handed_back = {}
        self._is_announced = False
        self._is_return_due = False
        return self

    # -- what the user writes

    def move(self, value: float) -> float | None:
        """Go to `value`, a float in the units of VAL, and return when there.

        The move is absolute, so that it can be repeated. It may return the value that
        was reached, a float, for VAL. It raises where it fails; the step is then FAILED
        and READY stays 0. Wait with `self.sleep`, or look at `self.aborted`, so that an
        abort ends it. It may block. Main thread.
        """
        raise NotImplementedError(f"{type(self).__name__} has no move(value)")

    def accept(self, values: Series) -> None:
        """Look at a trajectory before it is loaded, and raise to refuse it, because of
        travel limits for example. Nothing is loaded then.

        `values` is float64, shape (n,), read-only. Main thread.
        """

    # -- the trajectory

    @property
    def trajectory(self) -> Series:
        """The values to step through, float64, shape (n,), read-only; n 0: none."""
        return self._stepper.values

    def load(self, values: ArrayLike) -> None:
        """Load a trajectory and publish it in `values`.

        `values` is a one-dimensional sequence or array of at most `max_points` numbers;
        it is copied as float64. Raises StepError if it is none, and what `accept`
        raises; nothing is loaded then. Main thread.
        """
        self._unload()
        series = Stepper().load(values, self.max_points)
        self.accept(series)
        try:
            self._stepper.load(series, self.max_points)
            self.io_put(
                {
                    VALUES: series,
                    "message": f"{len(series)} points loaded",
                    INDEX_RBV: -1,
                    READY: True,
                }
            )
        except Aborted:
            self._unload()  # not half: what is loaded is what is published
            raise

    def step(self, count: int) -> None:
        """Move to where the master's `count` (an int from 0) leads and publish it.

        That is `trajectory[(count // DIVIDER) % n]`, or IDLE_VALUE when nothing is
        loaded. Returns when READY is published. Raises StepError for a count that is
        none, and what `move` raises. Main thread.
        """
        step = self._stepper.step(count)
        self._is_return_due = False
        self.io_put({"ACK": "0", READY: False})
        begun_s = time.monotonic()
        reached = self._moved(step.value)
        self.io_put(
            {
                VAL: reached,
                STEP_TIME: time.monotonic() - begun_s,
                INDEX_RBV: int(count),
                "ACK": "1",
                READY: True,  # the last, so that all else is published before it
            }
        )

    # -- commands

    def io_execute(self, pv_name: str, value: Any) -> None:
        """Run one command; see System. An aborted one brings the return move."""
        self._announce()
        try:
            super().io_execute(pv_name, value)
        except Aborted:
            self._is_return_due = self._stepper.after_abort() is not None
            if pv_name == INDEX:  # of CMD, sswd tells it
                self.io_put("ACK", "0 aborted")
            raise
        except Exception as ex:
            if pv_name in ("CMD", INDEX):
                self.io_put("ACK", f"0 {ex}".partition("\n")[0])
            raise

    def on_CMD(self, text: str) -> None:  # noqa: N802 (named as its PV)
        """Load the trajectory that `text` means, or call the verb."""
        self.io_put("ACK", "0")
        signatures = [verb.signature for verb in self.verbs.values()]
        try:
            meaning = parse(text, signatures, limit=self.max_points)
        except GrammarError:
            if text.partition("(")[0].strip() not in self.verbs:
                self._unload()  # a master must not step through an older one unawares
            raise
        if isinstance(meaning, Call):
            self._call(meaning)
        else:
            self.load(meaning)
        self.io_put("ACK", "1")

    def on_INDEX(self, count: int) -> None:  # noqa: N802
        """Step."""
        self.step(count)

    def on_IDLE_VALUE(self, value: float) -> None:  # noqa: N802
        """Set where steps go with nothing loaded."""
        self._stepper.idle_value = float(value)

    def on_DIVIDER(self, value: int) -> None:  # noqa: N802
        """Set the master's counts to one step."""
        self._stepper.divider = whole(value, DIVIDER, lowest=1)

    def on_RETURN_VALUE(self, value: float) -> None:  # noqa: N802
        """Set where to go after an abort."""
        self._stepper.return_value = float(value)

    # -- a new run

    def restore(self, values: Mapping[str, Any]) -> None:
        """Take what the IOC hands back: the last values of the PVs in `restored`.

        Called between construction and `setup`, at every start. Moves nothing: a step
        that was lost with the former worker is the master's to send again.
        """
        self._handed_back = dict(values)
        number = {
            pv: float(value)
            for pv, value in values.items()
            if pv in (IDLE_VALUE, DIVIDER, RETURN_VALUE)
        }
        self._stepper.idle_value = number.get(IDLE_VALUE, self._stepper.idle_value)
        self._stepper.return_value = number.get(
            RETURN_VALUE, self._stepper.return_value
        )
        if DIVIDER in number:
            self._stepper.divider = whole(number[DIVIDER], DIVIDER, lowest=1)
        trajectory = np.asarray(values.get(VALUES, ()), dtype=np.float64)
        if trajectory.shape == (2,) and np.isnan(trajectory).all():
            return  # what `values` holds before the first trajectory
        try:
            self._stepper.load(trajectory, self.max_points)
        except StepError as ex:
            self.log.warning("the trajectory of the run before is not used: %s", ex)

    @every(_LOOK_S)
    def _between_commands(self) -> None:
        """Publish what a new run took over; go to RETURN_VALUE after an abort."""
        self._announce()
        target = self._stepper.after_abort()
        if not self._is_return_due or target is None:
            return
        self._is_return_due = False
        self.io_put(
            {READY: False, "message": f"returning to {target:g} after an abort"}
        )
        reached = self._moved(target)
        self.io_put({VAL: reached, "message": f"returned to {reached:g}", READY: True})

    # -- inside

    def _announce(self) -> None:
        """Publish the state of a new run, once: it clears the alarms of the old one."""
        if self._is_announced:
            return
        self._is_announced = True
        back = self._handed_back
        kept: dict[str, Any] = {
            pv: back[pv] for pv in (VALUES, STEP_TIME) if pv in back
        }
        was_ready = back.get(READY, True) not in (False, 0, "NOT READY")
        posts: dict[str, Any] = {**kept, INDEX_RBV: int(back.get(INDEX_RBV, -1))}
        if not was_ready:
            posts["message"] = (
                f"the step to INDEX {int(back.get('INDEX', 0))} did not succeed before "
                "this run; put INDEX again"
            )
        self.io_put({**posts, READY: was_ready})

    def _unload(self) -> None:
        self._stepper.unload()
        self.io_put(VALUES, [])

    def _call(self, call: Call) -> None:
        """Run a verb; numbers that it returns are a trajectory."""
        self._is_return_due = False
        result = getattr(self, self.verbs[call.verb].method)(**call.arguments)
        if isinstance(result, np.ndarray | Sequence) and not isinstance(result, str):
            self.load(result)
        elif result is not None:
            raise StepError(
                f"verb {call.verb} returned a {type(result).__name__}; "
                "return nothing, or numbers to be loaded"
            )

    def _moved(self, value: float) -> float:
        """Move, and return the value that was reached; Aborted if it was cut short."""
        reached = self.move(value)
        if self.aborted:
            raise Aborted
        return value if reached is None else float(reached)
