"""`sswd init` as a new user meets it: what it writes runs and passes, untouched."""

import shutil
import subprocess
import sys
import tomllib
from configparser import RawConfigParser
from pathlib import Path

import pytest

from sswd import cli
from sswd.cli.project import TEMPLATES
from sswd.testing import running_daemon

BIN = Path(sys.executable).parent
HEATER = '''\
from typing import Literal
from sswd import System, every


class Heater(System):
    """Warms up."""

    def __init__(self, host: str, port: int, rate=1.5):
        self.host = host

    def on_mode(self, mode: Literal["off", "on"]):
        """What it does."""

    def on_home(self): ...

    @every(1.0)
    def read(self):
        self.io_put("TEMP", 1.5)
'''


def run(*words: str | Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*words], cwd=folder, capture_output=True, text=True, timeout=120
    )


def sswd(*words: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return run(BIN / "sswd", *words, folder=folder)


def pytest_in(folder: Path) -> str:
    """What its tests say, of which none may fail."""
    plain = ("-p", "no:cacheprovider", "-p", "no:asyncio")
    done = run(sys.executable, "-m", "pytest", *plain, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_new_project_checks_serves_and_passes_its_tests(tmp_path: Path) -> None:
    made = sswd("init", "my-stage", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    folder = tmp_path / "my-stage"
    found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert found == {
        *("my_stage.py", "my_stage.toml", "test_my_stage.py", "pytest.ini"),
        *("README.md", "sswd.schema.json"),
        *("deploy/my_stage.conf", "deploy/my_stage.service"),
    }
    assert all(f"my-stage/{name}" in made.stdout for name in found)
    checked = sswd("check", "my_stage.toml", folder=folder)
    assert checked.returncode == 0, checked.stderr
    assert "7 passed" in pytest_in(folder)
    # The paths for supervisord and systemd are those of this place.
    toml = str(folder / "my_stage.toml")
    program = RawConfigParser(inline_comment_prefixes=(";",))
    program.read(folder / "deploy/my_stage.conf")
    command = program["program:my_stage"]["command"]
    assert command == f"{BIN / 'sswd'} run {toml}"
    service = (folder / "deploy/my_stage.service").read_text()
    assert f"\nExecStart={command}\n" in service
    assert "\nExecReload=/bin/kill -HUP $MAINPID\n" in service


def test_toml_and_test_for_a_driver_that_exists(tmp_path: Path) -> None:
    (tmp_path / "heater.py").write_text(HEATER)
    made = sswd("init", "--from", "heater.py:Heater", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    text = (tmp_path / "heater.toml").read_text()
    assert text.startswith("#:schema ./sswd.schema.json\n")
    system = tomllib.loads(text)["system"]["heater"]
    assert system["target"] == "heater:Heater"
    assert system["args"] == {"host": "CHANGE ME", "port": 0}
    assert "# rate = 1.5\n" in text
    assert system["pvs"] == {
        "HOME": {"type": "action"},
        "MODE": {
            "type": "enum",
            "strings": ["off", "on"],
            "writable": True,
            "description": "What it does",
        },
        "TEMP": {"type": "float"},
    }
    # Its test of the whole is skipped until a person has filled these in.
    filled = text.replace('"CHANGE ME"', '"127.0.0.1"')
    filled = filled.replace(" # CHANGE ME: it has no default", "")
    (tmp_path / "heater.toml").write_text(filled)
    assert "2 passed" in pytest_in(tmp_path)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_no_file_is_ever_overwritten(here: Path, capsys) -> None:
    theirs = here / "stage" / "README.md"
    theirs.parent.mkdir()
    theirs.write_text("mine")
    assert cli.main(["init", "stage"]) == 1
    assert f"never overwritten: {theirs}" in capsys.readouterr().err
    assert [*theirs.parent.iterdir()] == [theirs]
    assert theirs.read_text() == "mine"


def test_a_place_that_cannot_be_written_is_told(here: Path, capsys) -> None:
    (here / "file").touch()  # where a folder should be; root may write anywhere else
    assert cli.main(["init", "file/stage"]) == 1
    told = capsys.readouterr().err
    assert told == f"sswd: cannot be written: {here}/file/stage: Not a directory\n"


def test_without_a_name_it_is_made_here(here: Path, capsys) -> None:
    assert cli.main(["init"]) == 0
    assert {p.name for p in here.iterdir()} >= {"README.md", f"{here.name}.py"}
    assert "cd " not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("init socket", "there is a Python module 'socket' already"),
        ("init numpy", "there is a Python module 'numpy' already"),
        ("init 3d", "'3d' cannot be a Python module"),
        ("init class", "'class' cannot be a Python module"),
        ("init --from heater.py", "is not FILE.py:Class"),
        ("init --from nowhere.py:Heater", "there is no file nowhere.py"),
    ],
)
def test_names_that_would_not_work_are_refused(here: Path, capsys, words, told) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(words.split())
    assert caught.value.code == 2
    assert told in capsys.readouterr().err
    assert [*here.iterdir()] == []


def test_a_folder_with_spaces_and_percent_signs(here: Path) -> None:
    folder = here / "a b%c"
    folder.mkdir()
    assert cli.main(["init", str(folder / "stage")]) == 0
    conf = (folder / "stage/deploy/stage.conf").read_text()
    assert f'run "{here}/a b%%c/stage/stage.toml"' in conf
    assert f"directory={here}/a b%%c/stage\n" in conf
    shutil.rmtree(folder)


def test_the_templates_are_in_the_package() -> None:
    assert len([*TEMPLATES.glob("*.txt")]) == 9


LASER = '''\
from typing import Annotated, Literal


class Laser:
    power: Annotated[float, "mW", (0.0, 50.0)] = 0.0

    def __init__(self, color: str = "red"):
        self.color = color

    @property
    def mode(self) -> Literal["cw", "pulsed"]:
        """How it shines."""
        return "cw"

    def fire(self) -> None:
        self.power = 0.0
'''


def test_a_class_that_is_no_system_is_wrapped_and_served(tmp_path: Path) -> None:
    (tmp_path / "laser.py").write_text(LASER)
    made = sswd("init", "--wrap", "object:laser:Laser", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    config = tmp_path / "laser.toml"
    text = config.read_text()
    assert '# attribute = "fire"' in text  # nobody chose that button yet
    config.write_text(text.replace("# poll_s = 1.0", "poll_s = 0"))
    with running_daemon(config=config) as daemon:
        assert daemon.put("POWER", 20.0)
        assert daemon.get("POWER") == 20.0
        assert not daemon.put("POWER", 60.0)
        assert daemon.get("MODE", as_string=True) == "cw"


def test_an_instrument_of_texts_begins_with_an_example(tmp_path: Path) -> None:
    made = sswd("init", "--wrap", "scpi:power.toml", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    checked = sswd("check", "power_ioc.toml", folder=tmp_path)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("target", ["laser:Laser", "visa:laser:Laser", "scpi:x"])
def test_what_cannot_be_wrapped_is_told(target: str, tmp_path: Path) -> None:
    made = sswd("init", "--wrap", target, folder=tmp_path)
    assert made.returncode == 2
    assert "pymeasure:module:Class" in made.stderr


STAGE = """\
from pathlib import Path


class Stage:
    limits = (-5.0, 5.0)

    def __init__(self, off: str = "off"):
        if Path(off).exists():
            raise ConnectionError("it is switched off")
        self.position = 0.0

    @property
    def temperature(self) -> float:
        return 20.0

    def move(self, position):
        self.position = position
"""


def test_a_stage_that_knows_nothing_of_us_is_a_motor(tmp_path: Path) -> None:
    """Also when it is off at the start, as long as that lasts."""
    (tmp_path / "stage.py").write_text(STAGE)
    made = sswd("init", "--from", "stage.py:Stage", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "deploy/stage.conf" in made.stdout
    config = tmp_path / "stage.toml"
    tables = tomllib.loads(config.read_text())
    system = tables["system"]["stage"]
    assert system["target"] == "object:stage:Stage"
    assert system["motors"] == {"MOTOR": {"object": "self"}}
    assert [*system["pvs"]] == ["TEMPERATURE"]  # the record shows the rest
    (tmp_path / "off").touch()
    with running_daemon(config=config) as daemon:
        assert daemon.get("WORKER:LINK", as_string=True) == "LOST"
        assert not daemon.put("MOTOR", 1.5)
        (tmp_path / "off").unlink()
        daemon.wait_for("WORKER:LINK", "OK")
        daemon.wait_for("MOTOR.HLM", 5.0)
        assert daemon.put("MOTOR", 1.5)
        assert daemon.get("MOTOR.RBV") == 1.5
        assert not daemon.put("MOTOR", 6.0)


def test_a_class_with_motors_needs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "stage.py").write_text(STAGE)
    config = tmp_path / "stage.toml"
    config.write_text(
        'prefix = "@"\n[system.stage]\ntarget = "stage:Stage"\n'
        '[system.stage.motors.X]\nobject = "self"\n'
    )
    checked = sswd("check", "stage.toml", folder=tmp_path)
    assert (checked.returncode, checked.stderr) == (0, "")
    with running_daemon(config=config) as daemon:
        assert daemon.put("X", 1.5)
        assert not daemon.put("CMD", "hello")
        assert "has motors only" in daemon.get("CMD_ERROR")
