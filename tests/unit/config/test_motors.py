"""[system.x.motors.M]: what is refused, with the key where the mistake is."""

from typing import Any

import pytest

from sswd.config import from_dict
from sswd.errors import ConfigError


def read(motor: dict[str, Any], name: str = "X", **system: Any) -> Any:
    table = {"target": "a:B", "motors": {name: motor}, **system}
    return from_dict({"system": {"s": table}}, "test").system["s"].motors[name]


def test_an_empty_table_is_a_motor() -> None:
    motor = read({})
    assert (motor.object, motor.limits, motor.poll_s) == ("", None, 0.1)


@pytest.mark.parametrize(
    ("motor", "words"),
    [
        ({"object": "a b"}, "motors.X.object: 'a b' is no attribute"),
        ({"object": "a."}, "motors.X.object"),
        ({"limits": [1, 1]}, r"motors.X.limits: \[1, 1\] does not rise"),
        ({"limits": [0, float("inf")]}, "motors.X.limits"),
        ({"offset": float("nan")}, "motors.X.offset"),
        ({"units": "x" * 16}, "motors.X.units: longer than the 15 bytes"),
        ({"velocity": 0}, "motors.X.velocity"),
        ({"velocity": 2.0, "max_velocity": 1.0}, "motors.X.max_velocity: 1 is below"),
        ({"direction": "up"}, "motors.X.direction"),
        ({"poll": 1}, "unknown key 'poll'"),
    ],
)
def test_mistakes(motor: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read(motor)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CMD", "choose another name"),
        ("a.b", "cannot hold"),
        ("x" * 51, "longer than 50 characters"),
    ],
)
def test_names(name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read({}, name)


def test_a_motor_and_a_pv_of_one_name() -> None:
    with pytest.raises(ConfigError, match=r"is also the name of system\.s\.pvs\.X"):
        read({}, pvs={"X": {"type": "float"}})
