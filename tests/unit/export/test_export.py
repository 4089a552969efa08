"""`sswd export`: every format, of two systems with all kinds of PVs."""

import json
import types
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from sswd import cli
from sswd.export import lists
from sswd.export.model import by_prefix, size_of
from sswd.export.ophyd_async import attribute, class_name
from sswd.export.pydm import CLASSES

CONFIG = """\
prefix = "LAB:"
[system.stage]
target = "stage:Stage"
prefix = "ST:"
[system.stage.pvs]
TARGET = { type = "float", precision = 2, writable = true, readback = true, hihi = 4.0 }
MODE = { type = "enum", strings = ["off", "slow speed", "class"], writable = true }
HOME = { type = "action" }
IMAGE = { type = "uint16", shape = [48, 64] }
TRACE = { type = "float", length = 100 }
BIG = { type = "float", length = 100000 }
RAW = { type = "float", adel = -1.0 }
NOTE = { type = "text", writable = true, description = "What (a|b) means" }
[system.stage.motors.M1]
units = "mm"
[system.other]
target = "stage:Stage"
prefix = "STO:"
"""
DRIVER = """\
from sswd import System
class Stage(System):
    pvs = {"FROM_CLASS": {"type": "int"}}
    def on_cmd(self, text): ...
    def on_target(self, value): ...
    def on_mode(self, value): ...
    def on_home(self): ...
    def on_note(self, value): ...
"""

EVERY_WIDGET = {"name", "x", "y", "width", "height", "tooltip", "actions", "pv_name"}
FONT = {"font", "foreground_color", "background_color", "transparent"}
ALIGNED = {"horizontal_alignment", "vertical_alignment"}
NUMBER = {"format", "precision", "show_units"}
PHOEBUS = {
    "label": {"text", *FONT, *ALIGNED},
    "textupdate": {*FONT, *ALIGNED, *NUMBER},
    "textentry": {*ALIGNED, *NUMBER},
    "combo": set(),
    "action_button": {"text", "show_confirm_dialog", "confirm_message"},
    "led": {"on_color", "off_color"},
    "xyplot": {"show_legend", "traces", "x_axis", "y_axes"},
    "image": {"data_width", "data_height", "unsigned"},
}


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    (folder / "stage.py").write_text(DRIVER)
    file = folder / "stage.toml"
    file.write_text(CONFIG)
    return file


@pytest.fixture
def exported(config, capsys):
    def export(form: str, *more: str) -> str:
        assert cli.main(["export", form, str(config), *more]) == 0
        return capsys.readouterr().out

    return export


def test_pvlist_is_every_pv_of_the_systems(exported, config, capsys) -> None:
    assert cli.main(["pvs", str(config)]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert sorted(exported("pvlist").split()) == sorted(listed)  # by system
    assert "LAB:ST:FROM_CLASS" in listed


def test_setpoints_are_saved_and_buttons_are_not(exported) -> None:
    names = exported("autosave").splitlines()[1:]
    assert names == [f"LAB:ST:{pv}" for pv in ("TARGET", "MODE", "NOTE", "M1")]
    rows = exported("saverestore").splitlines()
    assert rows[:3] == [
        "PV,READBACK,READ_ONLY",
        "LAB:ST:TARGET,LAB:ST:TARGET_RBV,false",
        "LAB:ST:MODE,,false",
    ]
    assert rows[-1] == "LAB:ST:M1,LAB:ST:M1.RBV,false"


def test_the_archiver_samples_what_posts_always(exported) -> None:
    listed = {row["pv"]: row for row in json.loads(exported("archiver"))}
    assert listed["LAB:ST:TARGET"]["samplingmethod"] == "MONITOR"
    assert listed["LAB:ST:RAW"]["samplingmethod"] == "SCAN"
    assert listed["LAB:ST:TRACE"]["samplingperiod"] == "10"
    left_out = "BIG", "WORKER:HEARTBEAT", "WORKER:RESTART", "HOME"
    assert not {f"LAB:ST:{pv}" for pv in left_out} & listed.keys()
    assert "LAB:STO:WORKER:STATE" in listed


def test_the_alarm_tree_has_health_and_limits(exported) -> None:
    tree = ET.fromstring(exported("alarm", "--root", "Lab"))
    assert tree.get("name") == "Lab"
    names = [pv.get("name") for pv in tree.iterfind("component[@name='stage']/pv")]
    wanted = ["WORKER:STATE", "WORKER:STALLED", "WORKER:LINK", "TARGET", "TARGET_RBV"]
    assert names == [f"LAB:ST:{pv}" for pv in wanted]


def test_the_pydm_form_has_a_widget_for_each_pv(exported, tmp_path) -> None:
    out = exported("pydm", "--out", str(tmp_path / "new"))
    paths = [Path(line) for line in out.splitlines()]
    assert [path.name for path in paths] == ["stage.ui", "other.ui"]
    form = ET.parse(paths[0]).getroot()
    kinds = {
        text.text: made.get("class")
        for made in form.iter("widget")
        for of in made.iter("property")
        if of.get("name") in {"channel", "imageChannel"}
        for text in of.iter("string")
    }
    assert kinds["ca://LAB:ST:TARGET"] == "PyDMLineEdit"
    assert kinds["ca://LAB:ST:TARGET_RBV"] == "PyDMLabel"
    assert kinds["ca://LAB:ST:MODE"] == "PyDMEnumComboBox"
    assert kinds["ca://LAB:ST:HOME"] == "PyDMPushButton"
    assert kinds["ca://LAB:ST:IMAGE"] == "PyDMImageView"
    assert kinds["ca://LAB:ST:M1.RBV"] == "PyDMLabel"
    assert kinds["ca://LAB:ST:M1.MOVN"] == "PyDMByteIndicator"
    curves = [
        json.loads(text.text or "")
        for made in form.iter("property")
        if made.get("name") == "curves"
        for text in made.iter("string")
    ]
    assert [curve["y_channel"] for curve in curves] == [
        "ca://LAB:ST:TRACE", "ca://LAB:ST:BIG"
    ]  # fmt: skip
    assert {"y_channel", "x_channel"} <= curves[0].keys()  # PyDM wants both
    declared = {made.findtext("class") for made in form.iter("customwidget")}
    assert declared == set(CLASSES.values()) - {"QLabel"}


def test_the_bob_file_has_a_widget_for_each_pv(exported, tmp_path) -> None:
    out = exported("bob", "--out", str(tmp_path))
    display = ET.parse(out.split()[0]).getroot()
    of = {made.findtext("pv_name"): made for made in display.iter("widget")}
    assert of["LAB:ST:TARGET"].get("type") == "textentry"
    assert of["LAB:ST:TARGET"].findtext("precision") == "2"
    assert of["LAB:ST:MODE"].get("type") == "combo"
    assert of["LAB:ST:IMAGE"].findtext("data_width") == "64"
    action = of["LAB:ST:WORKER:RESTART"].find("actions/action")
    assert action is not None
    assert action.get("type") == "write_pv"
    assert action.findtext("value") == "1"
    assert of["LAB:ST:NOTE"].findtext("format") == "6"  # String
    traces = [made.findtext("y_pv") for made in display.iter("trace")]
    assert "LAB:ST:TRACE" in traces


def test_several_screens_need_a_folder(config, capsys) -> None:
    assert cli.main(["export", "pydm", str(config)]) == 78
    assert "--out" in capsys.readouterr().err
    assert cli.main(["export", "pvlist", str(config), "--out", "x"]) == 78
    assert "--out" in capsys.readouterr().err


def test_the_ophyd_async_module_is_python_with_typed_devices(exported) -> None:
    text = exported("ophyd-async")
    module = types.ModuleType("devices")
    exec(compile(text, "devices.py", "exec"), vars(module))
    stage = module.Stage(name="stage")
    assert stage.target.readback.source == "ca://LAB:ST:TARGET_RBV"
    assert [state.value for state in module.StageMode] == ["off", "slow speed", "class"]
    assert stage.mode.readback.datatype is module.StageMode
    assert stage.image.datatype.__args__[1].__args__[0].__name__ == "int16"
    assert stage.m1.name == "stage-m1"
    assert module.Other().name == ""


def rectangle(widget: ET.Element) -> tuple[int, int, int, int]:
    x, y, width, height = (
        int(widget.findtext(name, "")) for name in ("x", "y", "width", "height")
    )
    return x, y, x + width, y + height


@pytest.mark.parametrize("system", ["stage", "other"])
def test_no_widget_lies_upon_another(exported, tmp_path, system) -> None:
    exported("bob", "--out", str(tmp_path))
    display = ET.parse(tmp_path / f"{system}.bob").getroot()
    right, bottom = (int(display.findtext(n, "")) for n in ("width", "height"))
    drawn = [rectangle(widget) for widget in display.iter("widget")]
    for n, (x1, y1, x2, y2) in enumerate(drawn):
        assert 0 <= x1 < x2 <= right
        assert 0 <= y1 < y2 <= bottom
        for ox1, oy1, ox2, oy2 in drawn[n + 1 :]:
            apart = x2 <= ox1 or ox2 <= x1 or y2 <= oy1 or oy2 <= y1
            assert apart, ((x1, y1, x2, y2), (ox1, oy1, ox2, oy2))


def test_the_bob_says_only_what_phoebus_knows(exported, tmp_path) -> None:
    """PHOEBUS is from its source, the `defineProperties` of each widget."""
    exported("bob", "--out", str(tmp_path))
    display = ET.parse(tmp_path / "stage.bob").getroot()
    assert {of.get("type") for of in display.iter("widget")} == PHOEBUS.keys()
    for widget in display.iter("widget"):
        known = EVERY_WIDGET | PHOEBUS[widget.get("type", "")]
        assert {of.tag for of in widget} <= known, widget.get("type")


def test_names() -> None:
    assert size_of("float[10]") == ("float", 10)
    assert size_of("int") == ("int", 1)
    assert by_prefix(["A:", "A:B:"], "A:B:X") == "A:B:"
    assert by_prefix(["A:"], "B:X") is None
    assert class_name("laser_delay-2") == "LaserDelay2"
    assert class_name("2d") == "X2d"
    assert attribute("WORKER:STATE") == "worker_state"
    assert attribute("class") == "class_"
    assert attribute("2D") == "x2d"
    assert lists.pvlist([]) == ""
