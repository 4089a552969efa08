"""TOML to structs: what is accepted, and that every mistake names its key and mend."""

import subprocess
import sys
from pathlib import Path

import pytest

from sswd import config
from sswd.errors import ConfigError

REFERENCE = Path(__file__).parents[3] / "docs/reference/configuration.md"
EXAMPLE = REFERENCE.read_text().split("```toml\n")[1].split("```")[0]


def load(tmp_path: Path, text: str) -> config.Config:
    path = tmp_path / "stage.toml"
    path.write_text(text, encoding="utf-8")
    return config.load(path)


def pv(**keys: object) -> config.PvConfig:
    return config.pv_from_dict("X", keys, "mod:Class")


def complaint(mapping: dict) -> str:
    with pytest.raises(ConfigError) as caught:
        config.from_dict(mapping, "f.toml")
    return str(caught.value)


def pv_complaint(**keys: object) -> str:
    mapping = {"system": {"s": {"target": "m:C", "pvs": {"X": keys}}}}
    return complaint(mapping).removeprefix("f.toml: system.s.pvs.X")


def system(**keys: object) -> dict:
    return {"system": {"s": {"target": "m:C", **keys}}}


def test_the_example_of_the_readme_loads(tmp_path):
    loaded = load(tmp_path, EXAMPLE)
    stage = loaded.system["stage"]
    assert loaded.prefix_of("stage") == "LAB:STAGE1:"
    assert stage.target == "mylab.stage:Stage"
    assert stage.args == {"address": "TCPIP::127.0.0.1::5025::SOCKET"}
    assert list(stage.pvs) == ["VELOCITY", "IMAGE", "MODE"]
    assert stage.pvs["VELOCITY"].limits == (0.0, 20.0)
    assert stage.pvs["MODE"].states == ("off", "slow", "fast")
    assert stage.command.timeout_s == 60.0


def test_defaults_are_those_that_operators_were_promised():
    stage = config.from_dict(system(), "f.toml").system["s"]
    restart, command = stage.restart, stage.command
    assert (restart.delay_s, restart.max_delay_s) == (0.5, 30)
    assert (restart.max_restarts, restart.window_s) == (None, 60)
    assert (restart.stall_s, restart.on_stall, restart.start_s) == (5, "tell", None)
    assert (command.queue, command.timeout_s) == (64, None)
    assert (command.on_restart, command.on_down) == ("flush", "reject")
    assert command.abort_s == (1, 2, 2)
    assert (stage.standby, stage.park, stage.memory_max_mb) == (False, None, None)
    assert (stage.outbox, stage.prefix, stage.group) == (64, "", None)
    assert (pv(type="int").pending, pv(type="int").timeout_s) == ("fifo", None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[system.stage\n", "stage.toml, line 1, column 14: Expected ']'"),
        ("a = 1\na = 2\n", "stage.toml, line 2, column 6: Cannot overwrite a value"),
        ("x = " + "[" * 50_000, "stage.toml: nested too deeply"),
        ("x = ", "stage.toml, "),
    ],
)
def test_broken_toml_names_the_line(tmp_path, text, told):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert told in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path))


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        config.load(tmp_path / "no.toml")
    with pytest.raises(ConfigError, match="directory"):
        config.load(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'prefix = "\xb5"')
    with pytest.raises(ConfigError, match="byte 10 is not UTF-8"):
        config.load(tmp_path / "latin.toml")


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ({}, "f.toml: key 'system' is missing"),
        ({"system": {}}, "system: no system; add a table [system.NAME]"),
        ({"system": 3}, "system: must hold tables, [system.NAME]"),
        ({"system": {"s": 3}}, "system.s: must be a table, [system.s]"),
        ({"sytem": {}}, "unknown key 'sytem'; did you mean 'system'?"),
        ({"system": {"s": {}}}, "system.s: key 'target' is missing"),
        ({"system": {"a b": {"target": "m:C"}}}, "'a b' is no system name"),
        (system(velocty=1), "system.s: unknown key 'velocty'; known are target,"),
        (system(prefx="A"), "system.s: unknown key 'prefx'; did you mean 'prefix'?"),
        (system(ping="*IDN?"), "ping: is for a driver of pymeasure:"),
        (system(pvs={"X": {"type": "int", "poll_s": 1}}), "X.poll_s: is for a driver"),
        (system(pvs={"X": {"type": "int", "attribute": "x"}}), "X.attribute: is for"),
        (system(target="visa:m:C"), "'visa:m:C' is no \"module:Class\""),
        (system(target="mylab.stage"), "'mylab.stage' is no \"module:Class\""),
        (system(target="m:C()"), "system.s.target: 'm:C()' is no \"module:Class\""),
        (system(target=3), "system.s.target: expected str, got int"),
        (system(group="a:b:c"), "system.s.group: 'a:b:c' is no"),
        (system(park="safe"), "system.s.park: 'safe' is no \"module:function\""),
        (system(args={"a-b": 1}), "system.s.args: 'a-b' cannot be the name"),
        (system(prefix="A B"), "system.s.prefix: a PV name cannot hold ' '"),
        (system(prefix="A{B}"), "system.s.prefix: a prefix cannot hold { and }"),
        (system(prefix="P" * 44), "44 characters; 43 leave room for WORKER:LAST_ERROR"),
        ({"prefix": "A{B}", **system()}, "f.toml: prefix: a prefix cannot hold {"),
        (system(start="thread"), "system.s.start: unknown value 'thread'"),
        (system(start="fork", python="/x"), "system.s.start: fork is of the daemon's"),
        (system(start="fork", env={"OMP_NUM_THREADS": "2"}), 'take start = "spawn"'),
        (system(outbox=0), "system.s.outbox: expected int >= 1, not 0"),
        (system(park_s=0), "system.s.park_s: expected float > 0.0, not 0"),
        (system(standby=1), "system.s.standby: expected bool, got int"),
        (system(memory_max_mb=-1), "system.s.memory_max_mb: expected float > 0.0"),
        (system(restart={"delay": 1}), "unknown key 'delay'; did you mean 'delay_s'?"),
        (system(restart={"delay_s": "1"}), "restart.delay_s: expected float, got str"),
        (system(restart={"delay_s": 60}), "max_delay_s: 30 is below delay_s = 60"),
        (system(restart={"window_s": float("inf")}), "expected float <= 31536000"),
        (system(restart={"stall_s": float("nan")}), "restart.stall_s: expected float"),
        (system(restart={"on_stall": "tel"}), "'tel'; did you mean 'tell'?"),
        (system(command={"on_down": "x"}), "'x'; known are reject, queue"),
        (system(command={"queue": 0}), "command.queue: expected int >= 1, not 0"),
        (system(command={"queue": 1.5}), "command.queue: expected int, got float"),
        (system(command={"abort_s": [1, 2]}), "expected array of length 3, got 2"),
        (system(command={"abort_s": [1, -1, 2]}), "abort_s: element 2: expected float"),
    ],
)
def test_a_mistake_names_its_key_and_the_mend(mapping, told):
    assert told in complaint(mapping)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({}, ": key 'type' is missing"),
        ({"type": "flaot"}, ".type: unknown value 'flaot'; did you mean 'float'?"),
        ({"type": "float", "unit": "V"}, ": unknown key 'unit'; did you mean 'units'?"),
        ({"type": "float", "units": "counts per second"}, ".units: longer than"),
        ({"type": "float", "precision": 99}, ".precision: expected int <= 15, not 99"),
        ({"type": "int", "precision": 2}, ".precision: a PV of type int has none"),
        ({"type": "enum"}, ".strings: missing: an enum needs them"),
        ({"type": "enum", "strings": ["x"] * 2}, ".strings: 'x' stands there 2 times"),
        ({"type": "enum", "strings": [str(i) for i in range(17)]}, ": 17 states;"),
        ({"type": "enum", "strings": ["x" * 26]}, "has 26 bytes; at most 25 fit"),
        ({"type": "enum", "strings": ["µ" * 13]}, "has 26 bytes; at most 25 fit"),
        ({"type": "bool", "strings": ["a"]}, ".strings: a bool has two, not 1"),
        ({"type": "float", "strings": ["a"]}, ".strings: a PV of type float has none"),
        ({"type": "enum", "strings": ["a"], "length": 3}, ".length: a PV of type enum"),
        ({"type": "enum", "strings": ["a"], "value": "b"}, "'b' is none of ['a']"),
        ({"type": "enum", "strings": ["a"], "value": 1}, "1 is no index of ['a']"),
        ({"type": "enum", "strings": ["a"], "value": True}, "True is no index of"),
        ({"type": "float", "limits": [3, 1]}, ".limits: low 3 is not below high 1"),
        ({"type": "float", "limits": [1, 1]}, ".limits: low 1 is not below high 1"),
        ({"type": "float", "limits": [1]}, ".limits: expected array of length 2"),
        ({"type": "float", "limits": [0, float("nan")]}, ".limits: nan is no limit"),
        ({"type": "str", "limits": [0, 1]}, ".limits: a PV of type str has none"),
        ({"type": "float", "value": 3, "limits": [0, 1]}, "3 is outside the limits"),
        ({"type": "float", "value": "3"}, ".value: '3' is no number"),
        ({"type": "float", "value": True}, ".value: True is no number"),
        ({"type": "float", "value": [1.0]}, ".value: a list, but the PV holds one"),
        ({"type": "float", "value": float("inf"), "finite": True}, "is not finite"),
        ({"type": "int", "finite": True}, ".finite: a PV of type int has none"),
        ({"type": "int", "value": 1.0}, ".value: 1.0 is no int, an integer"),
        ({"type": "int", "value": 2**31}, ".value: 2147483648 is no int"),
        ({"type": "bool", "value": 2}, ".value: 2 is neither true nor false"),
        ({"type": "str", "value": "x" * 40}, ".value: 40 bytes; 39 fit"),
        ({"type": "str", "value": 1}, ".value: 1 is no string; write it in quotes"),
        ({"type": "text", "value": "abc", "length": 2}, ".value: 3 bytes; 2 fit"),
        ({"type": "bytes"}, ".length: missing: bytes need their capacity"),
        ({"type": "bytes", "length": 2, "value": [256]}, ".value: 256 is no byte"),
        (
            {"type": "bytes", "length": 2, "value": "ab"},
            ".value: an array needs a list",
        ),
        ({"type": "float", "length": 2, "value": [1, 2, 3]}, ".value: 3 elements;"),
        ({"type": "float", "length": 2, "value": 1.0}, ".value: an array needs a list"),
        ({"type": "float", "length": 0}, ".length: expected int >= 1, not 0"),
        ({"type": "float", "timeout_s": 3}, ".timeout_s: only a writable PV"),
        ({"type": "float", "pending": "latest"}, ".pending: only a writable PV"),
    ],
)
def test_a_mistake_in_a_pv(keys, told):
    assert told in pv_complaint(**keys)


@pytest.mark.parametrize(
    "keys",
    [
        {"type": "float", "value": 1, "limits": [0, float("inf")]},
        {"type": "float", "value": float("nan")},
        {"type": "float", "length": 3, "value": []},
        {"type": "float", "length": 3, "value": [1, 2.5, float("nan")]},
        {"type": "int", "value": -(2**31)},
        {"type": "bool", "value": True},
        {"type": "bool", "value": "open", "strings": ["shut", "open"]},
        {"type": "enum", "value": 1, "strings": ["a", "b"]},
        {"type": "str", "length": 2, "value": ["a", "x" * 39]},
        {"type": "text", "value": "x" * 10_000},
        {"type": "bytes", "length": 3, "value": [0, 255]},
        {"type": "float", "writable": True, "pending": "latest", "timeout_s": 1},
    ],
)
def test_what_a_pv_may_say(keys):
    assert pv(**keys).type == keys["type"]


@pytest.mark.parametrize(
    ("keys", "is_array", "capacity", "states"),
    [
        ({"type": "float"}, False, 1, ()),
        ({"type": "float", "length": 7}, True, 7, ()),
        ({"type": "str"}, False, 1, ()),
        ({"type": "text"}, False, 10_000, ()),
        ({"type": "text", "length": 80}, False, 80, ()),
        ({"type": "bytes", "length": 9}, False, 9, ()),
        ({"type": "bool"}, False, 1, ("Off", "On")),
        ({"type": "bool", "strings": ["a", "b"]}, False, 1, ("a", "b")),
        ({"type": "enum", "strings": ["a"]}, False, 1, ("a",)),
    ],
)
def test_what_a_pv_holds(keys, is_array, capacity, states):
    made = pv(**keys)
    assert (made.is_array, made.capacity, made.states) == (is_array, capacity, states)


@pytest.mark.parametrize("name", [*sorted(config.TEMPLATE_NAMES), "WORKER:X"])
def test_names_of_the_template_are_taken(name):
    with pytest.raises(ConfigError, match="sswd serves a PV of this name itself"):
        config.pv_from_dict(name, {"type": "int"}, "mod:Class")


@pytest.mark.parametrize("name", ["A B", "A.VAL", "A$", "A'", 'A"', "Ä", "A\n", ""])
def test_names_that_are_no_pv_names(name):
    with pytest.raises(ConfigError, match=r"PV name cannot hold|name is empty"):
        config.pv_from_dict(name, {"type": "int"}, "mod:Class")


@pytest.mark.parametrize("name", ["A", "a1_-+:[]<>;", "Det{PE:1}", "values2", "WORKER"])
def test_names_that_are(name):
    assert config.pv_from_dict(name, {"type": "int"}, "mod:Class").type == "int"


def test_a_key_with_odd_characters_is_quoted_as_in_toml():
    mapping = system(pvs={"A:B": {"type": "int", "value": "x"}})
    assert 'system.s.pvs."A:B".value: ' in complaint(mapping)


def test_several_systems_need_distinct_prefixes():
    def two(first: str, second: str) -> dict:
        one = {"target": "m:C", "prefix": first}
        return {"system": {"a": one, "b": {"target": "m:C", "prefix": second}}}

    assert "system.b.prefix: missing: with several" in complaint(two("A:", ""))
    assert "'A:' is also the prefix of system a" in complaint(two("A:", "A:"))
    assert list(config.from_dict(two("A:", "B:"), "f").system) == ["a", "b"]


def test_full_names_must_be_distinct_and_not_too_long():
    mapping = {
        "system": {
            "a": {"target": "m:C", "prefix": "A:", "pvs": {"B:X": {"type": "int"}}},
            "b": {"target": "m:C", "prefix": "A:B:", "pvs": {"X": {"type": "int"}}},
        }
    }
    assert "'A:B:X' is also the name of system.a.pvs.B:X" in complaint(mapping)
    long = {"prefix": "P" * 30, **system(pvs={"Q" * 31: {"type": "int"}})}
    assert "has 61 characters; EPICS takes 60" in complaint(long)
    statistics = {"prefix": "P:", **system(pvs={"IOC:CPU": {"type": "int"}})}
    assert "is among the IOC statistics" in complaint(statistics)


@pytest.mark.parametrize("host", ["log..site", "a" * 70])
def test_a_host_that_can_have_no_address_is_told(host: str) -> None:
    words = complaint({**system(), "log": {"syslog": f"{host}:514"}})
    assert f"log.syslog: '{host}' is no host: a part of the name is empty" in words
    words = complaint({**system(), "metrics": {"listen": f"{host}:514"}})
    assert "metrics.listen: " in words


def test_the_log_and_the_audit_log_are_two_files():
    files = {"log": {"file": "a.log"}, "audit": {"file": "./x/../a.log"}}
    text = "audit.file: './x/../a.log' is also the file of [log]; name another"
    assert text in complaint({**system(), **files})
    config.from_dict({**system(), "log": {"file": "a"}, "audit": {"file": "b"}}, "f")
    config.from_dict({**system(), "audit": {"file": "b"}}, "f")


def test_all_mistakes_are_told_at_once():
    text = complaint(system(outbox=0, prefx="A", pvs={"CMD": {"type": "flaot"}}))
    assert text.startswith("f.toml: 4 mistakes:\n  system.s: ")
    assert text.count("\n") == 4


def test_structs_are_frozen():
    with pytest.raises(AttributeError):
        pv(type="int").type = "float"


def test_config_imports_no_caproto():
    code = "import sys, sswd.config; sys.exit('caproto' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
