"""Several files, variables, a command line's settings: one configuration."""

import sys
from pathlib import Path

import pytest

from sswd import config
from sswd.config.hosts import for_host, runs_on
from sswd.config.tables import table_of
from sswd.errors import ConfigError

STAGE = '[system.stage]\ntarget = "m:C"\nprefix = "S:"\n'


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder / "main.toml"


def complaint(path: Path, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        config.load(path, environ=environ)
    return str(caught.value).replace(str(path.parent), "HERE")


# -- include


def test_a_file_is_over_what_it_includes(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main='include = ["common.toml", "systems/*.toml"]\nprefix = "LAB:"\n'
        "[system.stage]\nstandby = true\n",
        common='prefix = "X:"\n[limits]\nconnections = 20\n',
        systems__stage=STAGE,
        systems__camera='[system.camera]\ntarget = "m:D"\nprefix = "C:"\n',
    )
    loaded = config.load(main)
    assert loaded.prefix == "LAB:"
    assert loaded.limits.connections == 20
    assert set(loaded.system) == {"stage", "camera"}
    assert loaded.system["stage"].standby
    assert loaded.system["stage"].target == "m:C"


def test_what_is_included_may_be_named_by_a_variable(tmp_path: Path) -> None:
    main = write(tmp_path, main='include = ["${SITE}/*.toml"]\n', x__stage=STAGE)
    assert set(config.load(main, environ={"SITE": "x"}).system) == {"stage"}
    assert complaint(main).startswith("HERE/main.toml: include: ${SITE} is not set")


def test_two_that_are_included_must_not_differ(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main='include = ["one.toml", "two.toml"]\n',
        one=STAGE,
        two=STAGE.replace("m:C", "m:D"),
    )
    assert complaint(main) == (
        "HERE/two.toml: system.stage.target: stands otherwise in HERE/one.toml"
    )


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"main": 'include = ["gone.toml"]'}, "HERE/gone.toml: No such file"),
        ({"main": 'include = ["main.toml"]'}, "includes go round"),
        ({"main": 'include = "main.toml"'}, "must be a list of files"),
        (
            {"main": 'include = ["bad.toml"]', "bad": "a = \n"},
            "HERE/bad.toml, line 1, column 5",
        ),
        ({"main": 'include = ["x\\u0000.toml"]'}, "main.toml: include: 'x\\x00.toml' "),
        ({"main": 'include = ["\\u0000*"]'}, "main.toml: include: '\\x00*' has a NUL"),
    ],
)
def test_a_wrong_include_names_the_file(
    tmp_path: Path, files: dict[str, str], words: str
) -> None:
    assert words in complaint(write(tmp_path, **files))


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="it is a pattern there")
def test_a_pattern_that_this_python_does_not_know_is_told(tmp_path: Path) -> None:
    words = complaint(write(tmp_path, main='include = ["systems/**.toml"]'))
    assert words.startswith("HERE/main.toml: include: 'systems/**.toml': Invalid")


def test_the_example_of_the_reference_loads(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs/reference/configuration.md"
    example = page.read_text().split("```toml\n")[2].split("```")[0]
    main = write(tmp_path, main=example, common="", systems__stage=STAGE)
    loaded = config.load(main, environ={"LAB": "B7"})
    assert loaded.prefix_of("stage") == "B7:S:"
    assert loaded.system["camera"].args == {"port": 5025}


# -- variables


def test_variables_are_filled_in(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main="""
prefix = "${LAB}:"
[system.stage]
target = "m:C"
prefix = "${NAME:-STAGE}1:"
nice = "${NICE}"
cpus = ["${CPU:-3}"]
enabled = "${ON:-false}"
args = { port = "${PORT:-5025}", serial = "no ${SERIAL}", empty = "${EMPTY}", cash = "$${X} $5" }
[system.stage.pvs.X]
type = "str"
description = "${NUMBER}"
""",  # noqa: E501 (an inline table is one line)
    )
    environ = {"LAB": "B7", "NICE": "5", "SERIAL": "007", "EMPTY": "", "NUMBER": "12"}
    loaded = config.load(main, environ=environ)
    stage = loaded.system["stage"]
    assert loaded.prefix_of("stage") == "B7:STAGE1:"
    assert (stage.nice, stage.cpus, stage.enabled) == (5, (3,), False)
    assert stage.args == {
        "port": 5025,
        "serial": "no 007",
        "empty": "",
        "cash": "${X} $5",
    }
    assert stage.pvs["X"].description == "12"


def test_a_variable_that_is_not_set_is_told_with_its_key(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main=STAGE + 'args = { host = "${STAGE_HOST}", more = ["${OTHER}"] }\n',
    )
    assert complaint(main) == (
        "HERE/main.toml: 2 mistakes:\n"
        "  system.stage.args.host: ${STAGE_HOST} is not set; set it, or say "
        "${STAGE_HOST:-default}\n"
        "  system.stage.args.more: ${OTHER} is not set; set it, or say "
        "${OTHER:-default}"
    )


def test_a_variable_that_does_not_fit_is_told(tmp_path: Path) -> None:
    main = write(tmp_path, main=STAGE + 'nice = "${NICE}"\n')
    assert "system.stage.nice: " in complaint(main, NICE="much")
    assert "system.stage.nice: " in complaint(main, NICE="99")


# -- a command line's settings


@pytest.mark.parametrize(
    ("setting", "table"),
    [
        ("prefix=LAB:", {"prefix": "LAB:"}),
        ("system.s.nice=5", {"system": {"s": {"nice": 5}}}),
        ("system.s.args.a=x=y", {"system": {"s": {"args": {"a": "x=y"}}}}),
        ('a."b.c"=[1, 2]', {"a": {"b.c": [1, 2]}}),
        ("a=true", {"a": True}),
        ('a="5"', {"a": "5"}),
        ("a=", {"a": ""}),
        ("a=1\nb=2", {"a": "1\nb=2"}),
    ],
)
def test_a_setting_is_a_table(setting: str, table: object) -> None:
    assert table_of(setting) == table


@pytest.mark.parametrize("setting", ["", "a", "=5", "a b=5", "a.=5", "a\nb=1"])
def test_what_is_no_setting_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match="is not KEY=VALUE"):
        table_of(setting)


def test_a_setting_wins_over_the_file(tmp_path: Path) -> None:
    main = write(tmp_path, main=STAGE + "nice = 3\n")
    loaded = config.load(main, table_of("system.stage.nice=7"))
    assert loaded.system["stage"].nice == 7
    with pytest.raises(ConfigError, match="unknown key 'nise'; did you mean 'nice'"):
        config.load(main, table_of("system.stage.nise=7"))


# -- hosts


def both(**keys: object) -> config.Config:
    systems = {
        "a": {"target": "m:C", "prefix": "A:", **keys},
        "b": {"target": "m:C", "prefix": "B:"},
    }
    return config.from_dict({"system": systems}, "f.toml")


@pytest.mark.parametrize(
    ("keys", "host", "runs"),
    [
        ({}, "any", True),
        ({"enabled": False}, "any", False),
        ({"hosts": ["beam1"]}, "beam1", True),
        ({"hosts": ["beam1"]}, "BEAM1.lab.org", True),
        ({"hosts": ["beam1.lab.org"]}, "beam1.lab.org", True),
        ({"hosts": ["beam1.lab.org"]}, "beam1", False),
        ({"hosts": ["beam-*", "x"]}, "beam-7", True),
        ({"hosts": ["beam1"]}, "beam12", False),
        ({"hosts": ["beam1"], "enabled": False}, "beam1", False),
    ],
)
def test_which_systems_run_here(keys: dict, host: str, runs: bool) -> None:
    loaded = both(**keys)
    assert runs_on(loaded.system["a"], host) is runs
    expected = {"a", "b"} if runs else {"b"}
    assert set(for_host(loaded, host, "f.toml").system) == expected


def test_no_system_at_all_is_a_mistake() -> None:
    loaded = config.from_dict(
        {"system": {"a": {"target": "m:C", "hosts": ["x", "y"]}}}, "f.toml"
    )
    with pytest.raises(ConfigError) as caught:
        for_host(loaded, "z", "f.toml")
    assert str(caught.value) == (
        "f.toml: no system runs on host 'z': a has hosts = [x, y]"
    )


@pytest.mark.parametrize("env", [{"": "x"}, {"A=B": "x"}, {"SSWD_RUN": "x"}])
def test_what_is_no_variable_is_refused(env: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"system\.s\.env"):
        config.from_dict({"system": {"s": {"target": "m:C", "env": env}}}, "f")
