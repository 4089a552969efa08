"""Arguments in, exit code and words out; what the commands call is replaced."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sswd import cli, demo
from sswd.cli import program
from sswd.config import Config, schema
from sswd.demo import sequence
from sswd.errors import ConfigError, LoadError, PortTakenError
from sswd.ioc.daemon import inspect_target, service
from sswd.pipe.protocol import Loaded

REFERENCE = Path(__file__).parents[2] / "docs/reference/cli.md"
MARK = "<!-- help -->\n"
TOML = 'prefix = "P:"\n[system.stage]\ntarget = "mylab.stage:Stage"\n'


class Runs:
    """Stands for service.run; keeps what it was given."""

    def __init__(self, result: object = 0) -> None:
        self.result = result
        self.given: list[tuple] = []
        self.reread: Callable[[], Config] | None = None
        self.is_exclusive: bool | None = None

    def __call__(self, config, *, folder, reread, exclusive_port, file=None):
        self.given.append((config, folder))
        self.reread, self.is_exclusive = reread, exclusive_port
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


@pytest.fixture
def runs(monkeypatch) -> Runs:
    runs = Runs()
    monkeypatch.setattr(service, "run", runs)
    return runs


@pytest.fixture
def toml(tmp_path) -> str:
    path = tmp_path / "lab" / "stage.toml"
    path.parent.mkdir()
    path.write_text(TOML)
    return str(path)


def test_run_takes_any_port_unless_it_is_to_be_exclusive(runs, toml):
    assert cli.main(["run", toml]) == 0
    assert runs.is_exclusive is False
    assert cli.main(["run", "--exclusive-port", toml]) == 0
    assert runs.is_exclusive is True


def test_metrics_of_the_command_line_are_those_of_the_file(runs, toml, capsys):
    assert cli.main(["run", "--metrics", "127.0.0.1:9117", toml]) == 0
    assert runs.given[0][0].metrics.listen == "127.0.0.1:9117"
    assert runs.reread().metrics.listen == "127.0.0.1:9117", "after a reload as well"
    assert cli.main(["run", "--metrics", "9117", toml]) == 78
    assert "metrics.listen: '9117' is no \"address:port\"" in capsys.readouterr().err


def test_run_serves_the_file_and_looks_for_modules_beside_it(runs, toml):
    assert cli.main(["run", toml]) == 0
    config, folder = runs.given[0]
    assert config.prefix_of("stage") == "P:"
    assert folder == Path(toml).parent


def test_run_serves_one_class_without_a_file(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = "run --prefix L: mylab.stage:Fast_Stage --arg address=TCPIP::h --arg n=3"
    assert cli.main([*words.split(), "--arg", "x=[1.5]", "--arg", "s='3'"]) == 0
    config, folder = runs.given[0]
    assert folder == tmp_path
    assert config.prefix_of("fast_stage") == "L:"
    system = config.system["fast_stage"]
    assert system.target == "mylab.stage:Fast_Stage"
    assert system.args == {"address": "TCPIP::h", "n": 3, "x": [1.5], "s": "3"}


@pytest.mark.parametrize("value", ["", "=", "a b", "1 # 2\nq = 3", '"unclosed'])
def test_an_argument_that_is_no_toml_is_text(runs, value):
    assert cli.main(["run", "m:C", "--arg", f"k={value}"]) == 0
    assert runs.given[0][0].system["c"].args == {"k": value}


def test_a_prefix_and_settings_win_over_the_file(runs, toml, monkeypatch):
    monkeypatch.setenv("NICE", "4")
    words = ["--prefix", "Q:", "--set", "system.stage.nice=${NICE}"]
    assert cli.main(["run", toml, *words]) == 0
    [(config, _)] = runs.given
    assert (config.prefix, config.system["stage"].nice) == ("Q:", 4)
    # HUP reads the same again.
    Path(toml).write_text(TOML + "standby = true\n")
    again = runs.reread()
    assert (again.prefix, again.system["stage"].standby) == ("Q:", True)


def test_only_systems_of_this_host_run_and_all_are_checked(runs, toml, capsys):
    more = '[system.other]\ntarget = "m:C"\nprefix = "O:"\n'
    Path(toml).write_text(TOML + 'prefix = "S:"\n' + more + 'hosts = ["elsewhere"]\n')
    assert cli.main(["run", toml]) == 0
    assert list(runs.given[0][0].system) == ["stage"]
    Path(toml).write_text(TOML + "enabled = false\n")
    assert cli.main(["run", toml]) == 78
    assert "no system runs on host" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        "",
        "serve",
        "run",
        "run a.toml --set nonsense",
        "run a.toml --set include=['b.toml']",
        "run m:C --set include=['b.toml']",
        "run a.toml --arg k=v",
        "run m:C --arg k",
        "run m:C --arg 3=4",
        "run m:C --log-format xml",
        "run m:C --log-level loud",
        "run m:C --pre P:",
        "schema x",
    ],
)
def test_wrong_usage_exits_with_2(words, capsys, runs):
    with pytest.raises(SystemExit) as caught:
        cli.main(words.split())
    assert caught.value.code == 2
    assert "usage: sswd" in capsys.readouterr().err
    assert runs.given == []


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (ConfigError("f.toml: 2 mistakes:\n  a: b\n  c: d"), 78, "  a: b\n  c: d\n"),
        (LoadError("no module"), 78, "sswd: no module\n"),
        (PortTakenError("port 5064 is taken"), 69, "sswd: port 5064 is taken\n"),
    ],
)
def test_expected_errors_are_told_without_a_traceback(runs, capsys, error, code, told):
    runs.result = error
    assert cli.main(["run", "m:C"]) == code
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("sswd: ")
    assert output.err.endswith(told)
    assert "Traceback" not in output.err


def test_with_json_the_error_is_an_event_as_well(runs, capsys):
    runs.result = PortTakenError("port taken")
    assert cli.main(["run", "m:C", "--log-format", "json"]) == 69
    event = json.loads(capsys.readouterr().err)
    assert (event["level"], event["message"]) == ("CRITICAL", "port taken")


def test_an_unexpected_error_is_told_with_its_traceback(runs, capsys):
    runs.result = ZeroDivisionError("oops")
    assert cli.main(["run", "m:C"]) == 1
    error = capsys.readouterr().err
    assert "CRITICAL sswd.cli: unexpected error" in error
    assert "ZeroDivisionError: oops" in error


def test_ctrl_c_before_the_handlers_are_there_is_a_clean_stop(runs, capsys):
    runs.result = KeyboardInterrupt()
    assert cli.main(["run", "m:C"]) == 0
    assert capsys.readouterr().err == ""


def test_ctrl_c_before_the_command_begins_says_nothing(monkeypatch, capsys):
    def interrupted(_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "logging_to", interrupted)
    assert cli.main(["run", "m:C"]) == 130
    assert capsys.readouterr().err == ""


def test_a_bad_file_exits_with_78(tmp_path, capsys, runs):
    assert cli.main(["run", str(tmp_path / "no.toml")]) == 78
    assert "no.toml: No such file" in capsys.readouterr().err
    assert cli.main(["run", "m:C:D"]) == 78
    assert "command line: system.d.target: 'm:C:D' is no \"module:Class\"" in (
        capsys.readouterr().err
    )


def test_demo_gives_its_exit_code(monkeypatch):
    monkeypatch.setattr(demo, "run", lambda plain: 5 if plain else 7)
    monkeypatch.setattr(sequence, "run", lambda plain: 6 if plain else 8)
    assert cli.main(["demo"]) == 7
    assert cli.main(["demo", "--sequence"]) == 8
    assert cli.main(["demo", "--plain"]) == 5
    assert cli.main(["demo", "--sequence", "--plain"]) == 6


def test_schema_is_printed_as_json(capsys):
    assert cli.main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == schema()


def test_expand_prints_a_point_a_line_into_a_pipe(capsys):
    assert cli.main(["expand", "linear(0, 1.5, 0.5)"]) == 0
    assert capsys.readouterr().out == "0.0\n0.5\n1.0\n"


def test_expand_points_at_the_fault(capsys):
    assert cli.main(["expand", "--limit", "3", "linear(0, 10, 1)"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "^" in told.err
    assert "3" in told.err


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("sswd 0.")


@pytest.fixture
def declares(monkeypatch):
    """What the throwaway worker is to find in the class."""
    pvs: dict[str, dict] = {}

    def inspect(system, folder, *, name):
        return Loaded(1, pvs, [])

    monkeypatch.setattr(inspect_target, "inspect", inspect)
    return pvs


def test_pvs_lists_all_sorts_aligned_and_toml_wins(declares, toml, capsys):
    declares["POS"] = {"type": "float", "units": "µm", "description": "Where it is"}
    declares["VEL"] = {"type": "float", "units": "lost"}
    with Path(toml).open("a") as file:
        file.write('[system.stage.pvs.VEL]\ntype = "int"\nwritable = true\n')
        file.write('[system.stage.pvs.IMG]\ntype = "bytes"\nlength = 9\nunits = "e"\n')
        file.write('[system.stage.pvs.MODE]\ntype = "enum"\nstrings = ["a", "b"]\n')
    assert cli.main(["pvs", toml]) == 0
    lines = capsys.readouterr().out.splitlines()
    split = {line.split()[0]: line.split()[1:] for line in lines}
    assert split["P:CMD"][:3] == ["text[10000]", "-", "rw"]
    assert split["P:values"][:3] == ["float[10000]", "-", "ro"]
    assert split["P:WORKER:PID"][:3] == ["int", "-", "ro"]
    assert split["P:POS"] == ["float", "µm", "ro", "Where", "it", "is"]
    assert split["P:VEL"] == ["int", "-", "rw"]
    assert split["P:IMG"] == ["bytes[9]", "e", "ro"]
    assert split["P:MODE"] == ["enum", "-", "ro", "(a|b)"]
    columns = {f"{line} ".index(f" {split[line.split()[0]][2]} ") for line in lines}
    assert len(columns) == 1
    assert not any(name.startswith("P:IOC:") for name in split)


def test_pvs_of_the_ioc_itself_and_as_json(declares, toml, capsys):
    assert cli.main(["pvs", "--all", "--json", toml]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    by_name = {row.pop("name"): row for row in rows}
    assert by_name["P:WORKER:PID"] == {
        "type": "int",
        "units": "-",
        "access": "ro",
        "description": "Process id of the worker, 0 if none",
        "is_about_ioc": False,
    }
    assert by_name["P:IOC:LOOP_LAG"]["is_about_ioc"]
    assert not any(name.endswith("SYSRESET") for name in by_name)


def test_check_says_what_is_good(declares, toml, capsys):
    assert cli.main(["check", toml]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{toml} is good: stage (mylab.stage:Stage); ")


def test_check_tells_a_class_that_declares_nonsense(declares, toml, capsys):
    declares["POS"] = {"type": "flaot"}
    assert cli.main(["check", toml]) == 78
    error = capsys.readouterr().err
    assert "mylab.stage:Stage: pvs.POS.type: unknown value 'flaot'; did you" in error


def test_check_tells_a_class_that_does_not_load(monkeypatch, toml, capsys):
    def inspect(system, folder, *, name):
        raise LoadError("no module 'mylab'")

    monkeypatch.setattr(inspect_target, "inspect", inspect)
    assert cli.main(["check", toml]) == 78
    assert capsys.readouterr().err == (
        "sswd: system.stage.target: 'mylab.stage:Stage' does not load: "
        "no module 'mylab'\n"
    )


@pytest.mark.parametrize("module", ["sswd.cli", "sswd.__main__", "sswd.logs"])
def test_nothing_of_caproto_is_imported_before_it_is_needed(module):
    code = f"import sys, {module}; sys.exit(any(m in sys.modules for m in {HEAVY!r}))"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


HEAVY = ("caproto", "numpy", "multiprocess", "sswd.ioc")


def helps() -> str:
    """The help of all commands, as they print it."""
    top = cli.parser()
    commands = next(a for a in top._actions if a.dest == "action" or a.choices).choices
    text = ""
    for parser in (top, *commands.values()):
        text += (
            f"\n## `{parser.prog}`\n\n```text\n{parser.format_help().rstrip()}\n```\n"
        )
    return text


def test_the_reference_is_the_help():
    head, _, _ = REFERENCE.read_text().partition(MARK)
    expected = head + MARK + helps()
    if os.environ.get("SSWD_WRITE_DOCS"):
        REFERENCE.write_text(expected)
    assert REFERENCE.read_text() == expected
