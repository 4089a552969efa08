"""What a file that is read again changes at once, and what waits for the daemon."""

from typing import Any

from sswd import config
from sswd.config.changes import changed_keys, left, running, taken, without_access


def loaded(**systems: dict) -> config.Config:
    given = {
        name: {"target": "m:C", "prefix": f"{name}:", **keys}
        for name, keys in systems.items()
    }
    return config.from_dict({"prefix": "P:", "system": given}, "f")


def test_the_same_changes_nothing() -> None:
    one = loaded(a={"args": {"x": 1}}, b={})
    other = loaded(a={"args": {"x": 1}}, b={})
    assert (taken(one, other), changed_keys(one, other), left(one, other)) == (
        {},
        [],
        [],
    )


def test_keys_of_the_worker_are_taken_and_others_wait() -> None:
    old = loaded(a={"args": {"x": 1}}, b={}, gone={})
    new = loaded(
        a={"args": {"x": 2}, "nice": 5, "standby": True},
        b={"command": {"timeout_s": 5.0}},
        more={},
    )
    found = taken(old, new)
    assert set(found) == {"a", "b"}
    assert found["a"].args == {"x": 2}
    assert not found["a"].standby
    assert found["b"].command.timeout_s == 5.0
    assert changed_keys(old, new) == [
        "system.a.args",
        "system.a.nice",
        "system.b.command",
    ]
    assert left(old, new) == ["system.gone", "system.more", "system.a.standby"]


def test_keys_of_the_whole_wait() -> None:
    old = loaded(a={})
    new = config.from_dict(
        {
            "prefix": "Q:",
            "state": {"directory": "s"},
            "system": {"a": {"target": "m:C", "prefix": "a:"}},
        },
        "f",
    )
    assert left(old, new) == ["prefix", "state"]


def test_who_may_do_what_is_a_change_of_its_own() -> None:
    table = {"system": {"a": {"target": "m:C", "asg": "A"}}}
    old = config.from_dict({**table, "access": {"file": "one.acf"}}, "f")
    table = {"system": {"a": {"target": "m:C", "asg": "B"}}}
    new = config.from_dict({**table, "access": {"file": "two.acf"}}, "f")
    assert without_access(old) == without_access(new)
    assert taken(old, new)["a"].asg == "B"
    table["system"]["a"]["nice"] = 3
    more = config.from_dict({**table, "access": {"file": "two.acf"}}, "f")
    assert without_access(more) != without_access(new)


def test_the_group_of_a_pv_and_of_a_motor_is_taken_at_once() -> None:
    def site(asg: str, **keys: Any) -> config.Config:
        system = {
            "target": "m:C",
            "pvs": {"X": {"type": "float", "asg": asg, **keys}},
            "motors": {"M": {"asg": asg}},
        }
        given = {"access": {"file": "one.acf"}, "system": {"a": system}}
        return config.from_dict(given, "f")

    old, new = site("A"), site("B", units="mm")
    found = taken(old, new)["a"]
    assert (found.pvs["X"].asg, found.motors["M"].asg) == ("B", "B")
    assert found.pvs["X"].units == "", "which waits"
    assert changed_keys(old, new) == [
        "system.a.pvs.X.asg",
        "system.a.motors.M.asg",
    ]
    assert left(old, new) == ["system.a.pvs"]
    assert left(old, site("B")) == []
    assert without_access(old) == without_access(site("B"))
    assert running(old, new).system["a"] == found
