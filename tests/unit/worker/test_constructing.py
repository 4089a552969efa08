"""What `sswd check` finds of a class that no worker could construct."""

import abc
import dataclasses
from typing import NamedTuple

import pytest

from sswd import System
from sswd.errors import LoadError
from sswd.pipe.worker_spec import WorkerSpec
from sswd.worker.constructing import construction_problems, construction_warnings
from sswd.worker.declaration import check, in_order_of, loaded_of, restored_of


class Takes:
    def __init__(self, address, timeout_s=2.0): ...


class PositionalOnly(System):
    def __init__(self, address, /): ...


@dataclasses.dataclass
class Data(System):
    address: str


class Anything(System):
    """As caching and registering base classes have it."""

    def __new__(cls, *_args, **_kwargs):
        return super().__new__(cls)

    def __init__(self, address): ...


class Registering(type):
    """As the metaclass of QCoDeS's instruments."""

    def __call__(cls, *args, **kwargs):
        return super().__call__(*args, **kwargs)


class Registered(System, metaclass=Registering):
    def __init__(self, address): ...


class Abstract(System, abc.ABC):
    @abc.abstractmethod
    def read(self): ...


class Slotted:
    __slots__ = ("address",)

    def io_execute(self, pv_name, value): ...


class Tuple(NamedTuple):
    address: str = ""


class Room:
    __slots__ = ("io_get_queue", "io_put_queue")


@pytest.mark.parametrize("args", [{}, {"adress": "a"}, {"address": 1, "x": 2}])
@pytest.mark.parametrize("factory", [Takes, Data, Anything])
def test_args_that_do_not_fit(factory, args):
    [words] = construction_problems(factory, args)
    assert words.startswith(f"args do not fit {factory.__name__}(address")


@pytest.mark.parametrize("factory", [Takes, Data, Anything, Registered, Room])
def test_args_that_fit_or_cannot_be_known(factory):
    args = {} if factory is Room else {"address": "a"}
    assert construction_problems(factory, args) == []


def test_what_is_positional_only_cannot_be_given():
    [words] = construction_problems(PositionalOnly, {"address": "a"})
    assert words.endswith("so write address without the '/' after it")


def test_a_metaclass_may_give_arguments_of_its_own():
    assert construction_problems(Registered, {}) == []
    [words] = construction_warnings(Registered, {})
    assert words.startswith("args do not fit Registered(address)")


@pytest.mark.parametrize(
    ("factory", "part"),
    [(Abstract, "nobody has written read"), (Slotted, "__slots__"), (Tuple, "tuple")],
)
def test_what_cannot_be_constructed_is_told(factory, part):
    [words] = construction_problems(factory, {})
    assert part in words
    with pytest.raises(LoadError, match=part):
        check(factory, WorkerSpec(name="a", target="b:C", inspect=True))


def test_a_class_that_takes_no_commands_is_warned_of():
    assert "neither io_execute" in construction_warnings(Room, {})[0]
    assert construction_warnings(Slotted, {}) == []
    assert construction_warnings(Room, {}, has_motors=True) == []


@pytest.mark.parametrize(
    ("attribute", "wrong", "part"),
    [
        ("pvs", ["X"], "pvs is a list; give a dict"),
        ("pvs", {"X": "float"}, "X is 'float'; give a dict of keys"),
        ("in_order", 7, "in_order is 7; give a list"),
        ("in_order", "values", "in_order is 'values'; give a list"),
        ("restored", "values", "restored is 'values'; give a list"),
    ],
)
def test_attributes_of_the_class_that_are_none(attribute, wrong, part):
    factory = type("Stage", (System,), {attribute: wrong})
    spec = WorkerSpec(name="a", target="b:C")
    with pytest.raises(LoadError, match=part):
        check(factory, spec)
        loaded_of(factory, spec)


def test_names_are_taken_as_text():
    factory = type("Stage", (System,), {"in_order": ("A",), "restored": ["B"]})
    assert (in_order_of(factory), restored_of(factory)) == (["A"], ["B"])
