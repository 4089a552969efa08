"""What `sswd init --from` reads in the source of a class."""

from typing import ClassVar

from sswd import SequenceSystem, System
from sswd.worker.outline import outline_of


class Mixed(System):
    """Does many things.

    And more.
    """

    pvs: ClassVar = {"KNOWN": {"type": "int"}}

    def __init__(self, address, *, timeout_s: float = 2.0, log=print):
        self.address = address

    def on_cmd(self, text):
        self.io_put({"values": [1.0], "MARK": True, self.address: 1})

    def on_known(self, value): ...

    def on_Gain(self, value: int):
        """Of the amplifier."""
        self.io_put("Gain_RBV", value)

    def on_speed(self, value): ...

    def on_input_beam(self, reading): ...


class Classic:
    def io_execute(self, name, value):
        if name == "SPEED":
            self.io_put_queue.put({"POS": 1.0, "ACK": "1"})
        elif value == "FAST":
            other.put({"NOT": 1})  # noqa: F821


class Derived(Mixed):
    def on_speed(self, value: float): ...


def by_name(factory: type) -> dict[str, tuple[str, bool, bool]]:
    pvs = outline_of(factory).pvs
    return {pv.name: (pv.type, pv.is_guess, pv.writable) for pv in pvs}


def test_handlers_and_posts_are_pvs():
    assert by_name(Mixed) == {
        "Gain": ("int", False, True),
        "SPEED": ("float", True, True),
        "MARK": ("bool", False, False),
    }


def test_a_readback_is_told_of_its_setpoint():
    (gain,) = [pv for pv in outline_of(Mixed).pvs if pv.name == "Gain"]
    assert gain.readback
    assert gain.about == "Of the amplifier"


def test_arguments_with_what_is_known_of_them():
    address, timeout_s, log = outline_of(Mixed).arguments
    assert (address.name, address.type, address.is_required) == ("address", "", True)
    assert (timeout_s.type, timeout_s.default) == ("float", 2.0)
    assert (log.default, log.is_required) == (None, False)


def test_a_class_of_the_classic_contract():
    assert by_name(Classic) == {
        "SPEED": ("float", True, True),
        "POS": ("float", False, False),
    }
    assert outline_of(Classic).arguments == []


def test_what_is_inherited_counts_and_what_is_nearer_wins():
    assert by_name(Derived)["SPEED"] == ("float", False, True)
    assert "MARK" in by_name(Derived)


def test_our_own_bases_add_nothing():
    class Stage(SequenceSystem):
        def move(self, value): ...

    assert by_name(Stage) == {}
    assert outline_of(System).pvs == []


class Held:
    def __init__(self):
        self.position = 0.0

    def move(self, position): ...


class Read:
    position = property(lambda self: 0.0)

    def move(self, position): ...


class Lamp:
    def __init__(self):
        self.moves = {}

    def move(self, position): ...


def test_what_a_motor_record_can_serve_is_seen():
    assert outline_of(Held).moves
    assert outline_of(Read).moves
    assert not outline_of(Lamp).moves
    assert not outline_of(Classic).moves


def test_what_takes_no_commands_is_to_be_wrapped():
    assert not outline_of(Held).is_system
    assert outline_of(Classic).is_system
    assert outline_of(Mixed).is_system
