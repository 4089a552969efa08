"""What a plain class says by its annotations."""

import enum
from typing import Annotated, Literal

import pytest

from sswd.adapters.plain_class import attributes_of


class Mode(enum.Enum):
    FAST = 1
    SLOW = 2


class Stage:
    position: Annotated[float, "mm", (0.0, 20.0)]
    name: str
    _hidden: int

    @property
    def speed(self) -> int:
        """Speed in Hz."""
        return 1

    @property
    def mode(self) -> Mode:
        return Mode.FAST

    @mode.setter
    def mode(self, mode: Mode) -> None: ...

    @property
    def state(self) -> Literal["idle", "busy"] | None:
        return None

    @property
    def unknown(self):
        return 1

    def home(self) -> None:
        """Go home."""

    def move(self, position: float) -> None: ...

    def close(self) -> None: ...


FOUND = {a.name: a for a in attributes_of(Stage)}


@pytest.mark.parametrize(
    ("name", "kind", "writable", "units", "is_guess"),
    [
        ("position", "float", True, "mm", False),
        ("name", "str", True, "", False),
        ("speed", "int", False, "Hz", False),
        ("mode", "enum", True, "", False),
        ("state", "enum", False, "", False),
        ("unknown", "float", False, "", True),
        ("home", "action", False, "", False),
    ],
)
def test_an_attribute(
    name: str, kind: str, writable: bool, units: str, is_guess: bool
) -> None:
    a = FOUND[name]
    assert (a.type, a.writable, a.units, a.is_guess) == (
        kind,
        writable,
        units,
        is_guess,
    )


def test_there_are_no_others() -> None:
    names = {"position", "name", "speed", "mode", "state", "unknown", "home"}
    assert FOUND.keys() == names


def test_limits_and_members() -> None:
    assert FOUND["position"].limits == (0.0, 20.0)
    assert FOUND["mode"].strings == ("FAST", "SLOW")
    assert FOUND["mode"].values == (Mode.FAST, Mode.SLOW)
