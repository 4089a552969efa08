"""A system's screen as PyDM reads it: a Qt form (.ui). Pure."""

import json
from xml.etree import ElementTree as ET

from sswd.export.model import Unit
from sswd.export.rows import TEXTS, WIDTH, Align, Kind, Widget, height
from sswd.export.screen import widgets

CLASSES: dict[Kind, str] = {
    **dict.fromkeys(TEXTS, "QLabel"),
    "readback": "PyDMLabel",
    "light": "PyDMByteIndicator",
    "entry": "PyDMLineEdit",
    "choice": "PyDMEnumComboBox",
    "button": "PyDMPushButton",
    "plot": "PyDMWaveformPlot",
    "image": "PyDMImageView",
}
_BASES = {
    "PyDMLabel": ("QLabel", "label"),
    "PyDMByteIndicator": ("QWidget", "byte"),
    "PyDMLineEdit": ("QLineEdit", "line_edit"),
    "PyDMEnumComboBox": ("QWidget", "enum_combo_box"),
    "PyDMPushButton": ("QPushButton", "pushbutton"),
    "PyDMWaveformPlot": ("QGraphicsView", "waveformplot"),
    "PyDMImageView": ("QWidget", "image"),
}
"""The Qt class that each extends, and its module in pydm.widgets."""
_ALIGN: dict[Align, str] = {"left": "Left", "center": "HCenter", "right": "Right"}
STYLE = """\
#Form { background: #eef1f4; }
QLabel, PyDMLineEdit, PyDMPushButton, PyDMEnumComboBox QComboBox { font-size: 13px; }
*[kind="title"] { font-size: 20px; font-weight: bold; color: #16324f; }
*[kind="section"] { background: #16324f; color: white; font-weight: bold; \
padding-left: 6px; }
*[kind="heading"], *[kind="note"] { font-size: 11px; color: #5a6672; }
*[kind="label"], *[kind="units"] { color: #1f2933; }
PyDMLabel { background: #e2e7ec; color: #10202f; border: 1px solid #c3ccd4; \
padding: 1px 5px; }
PyDMLineEdit { background: white; color: #10202f; border: 1px solid #7d8b99; \
padding: 1px 5px; }
PyDMLabel[alarmSeverity="1"], PyDMLineEdit[alarmSeverity="1"] \
{ background: #fff3c4; border: 2px solid #d9a000; }
PyDMLabel[alarmSeverity="2"], PyDMLineEdit[alarmSeverity="2"] \
{ background: #ffdcdc; border: 2px solid #d40000; }
PyDMLabel[alarmSeverity="3"], PyDMLineEdit[alarmSeverity="3"] \
{ background: #f8d9f8; border: 2px solid #c000c0; }
PyDMLabel[alarmSeverity="4"], PyDMLineEdit[alarmSeverity="4"] \
{ background: white; border: 2px dashed #7d8b99; color: #7d8b99; }
"""
"""Style of the form. It stands before PyDM's own, so it has to show alarms too."""


def pydm(unit: Unit) -> str:
    """The file's text."""
    drawn = widgets(unit)
    ui = ET.Element("ui", version="4.0")
    ET.SubElement(ui, "class").text = "Form"
    form = ET.SubElement(ui, "widget", {"class": "QWidget", "name": "Form"})
    _rect(form, 0, 0, WIDTH, height(drawn))
    _text(form, "windowTitle", f"{unit.name} {unit.prefix}")
    _text(form, "styleSheet", STYLE)
    for number, widget in enumerate(drawn):
        _widget(form, f"{widget.kind}_{number}", widget)
    custom = ET.SubElement(ui, "customwidgets")
    for name in sorted({CLASSES[w.kind] for w in drawn} & _BASES.keys()):
        base, module = _BASES[name]
        one = ET.SubElement(custom, "customwidget")
        ET.SubElement(one, "class").text = name
        ET.SubElement(one, "extends").text = base
        ET.SubElement(one, "header").text = f"pydm.widgets.{module}"
    ET.indent(ui, " ")
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return head + ET.tostring(ui, encoding="unicode") + "\n"


def _widget(form: ET.Element, name: str, w: Widget) -> None:
    made = ET.SubElement(form, "widget", {"class": CLASSES[w.kind], "name": name})
    _rect(made, w.x, w.y, w.width, w.height)
    _text(made, "kind", w.kind, is_dynamic=True)  # for the style
    channel = f"ca://{w.pv}"
    match w.kind:
        case "plot":
            _plot(made, w, channel)
        case "image":
            assert w.shape is not None
            _text(made, "imageChannel", channel)
            _number(made, "imageWidth", w.shape[1])
            _enum(made, "readingOrder", "PyDMImageView::Clike")  # rows of pixels
            _flag(made, "normalizeData", value=True)
        case kind if kind in TEXTS:
            _text(made, "text", w.text)
            _text(made, "toolTip", w.tip)
        case _:
            _text(made, "channel", channel)
    match w.kind:
        case "button":
            _button(made, w)
        case "light":
            _flag(made, "showLabels", value=False)
            _flag(made, "circles", value=True)
            _color(made, "onColor", w.color)
        case "readback" | "entry" | "label":
            aligned = ET.SubElement(made, "property", name="alignment")
            flags = f"Qt::Align{_ALIGN[w.align]}|Qt::AlignVCenter"
            ET.SubElement(aligned, "set").text = flags
        case _:
            pass
    if w.precision is not None:
        _number(made, "precision", w.precision)
        _flag(made, "precisionFromPV", value=False)
    if w.is_text:
        _enum(made, "displayFormat", f"{CLASSES[w.kind]}::String")


def _button(made: ET.Element, w: Widget) -> None:
    _text(made, "text", w.text)
    _text(made, "pressValue", "1")
    if w.confirm:
        _flag(made, "showConfirmDialog", value=True)
        _text(made, "confirmMessage", w.confirm)


def _plot(made: ET.Element, w: Widget, channel: str) -> None:
    # PyDM takes the index where there is no channel of x, but wants the key.
    curve = {"y_channel": channel, "x_channel": None, "name": w.pv, "color": "#0b5cad"}
    curves = ET.SubElement(made, "property", name="curves")
    text = ET.SubElement(ET.SubElement(curves, "stringlist"), "string")
    text.text = json.dumps(curve)
    _color(made, "backgroundColor", (255, 255, 255))
    _color(made, "axisColor", (31, 41, 51))
    _flag(made, "showXGrid", value=True)
    _flag(made, "showYGrid", value=True)


def _rect(of: ET.Element, x: int, y: int, width: int, height: int) -> None:
    rect = ET.SubElement(ET.SubElement(of, "property", name="geometry"), "rect")
    places = {"x": x, "y": y, "width": width, "height": height}
    for name, value in places.items():
        ET.SubElement(rect, name).text = str(value)


def _text(of: ET.Element, name: str, text: str, *, is_dynamic: bool = False) -> None:
    """A property; `is_dynamic`: of this widget, and no setter of its class."""
    made = ET.SubElement(of, "property", name=name)
    if is_dynamic:
        made.set("stdset", "0")
    ET.SubElement(made, "string").text = text


def _number(of: ET.Element, name: str, number: int) -> None:
    made = ET.SubElement(of, "property", name=name)
    ET.SubElement(made, "number").text = str(number)


def _enum(of: ET.Element, name: str, text: str) -> None:
    made = ET.SubElement(of, "property", name=name)
    ET.SubElement(made, "enum").text = text


def _flag(of: ET.Element, name: str, *, value: bool) -> None:
    made = ET.SubElement(of, "property", name=name)
    ET.SubElement(made, "bool").text = str(value).lower()


def _color(of: ET.Element, name: str, color: tuple[int, int, int]) -> None:
    made = ET.SubElement(ET.SubElement(of, "property", name=name), "color")
    for part, value in zip(("red", "green", "blue"), color, strict=True):
        ET.SubElement(made, part).text = str(value)
