"""A system's screen as PyDM reads it: a Qt form (.ui). Pure."""

from xml.etree import ElementTree as ET

from sswd.export.model import Unit
from sswd.export.screen import WIDTH, Kind, Widget, height, widgets

CLASSES: dict[Kind, str] = {
    "title": "QLabel",
    "label": "QLabel",
    "readback": "PyDMLabel",
    "light": "PyDMLabel",
    "entry": "PyDMLineEdit",
    "choice": "PyDMEnumComboBox",
    "button": "PyDMPushButton",
    "plot": "PyDMWaveformPlot",
    "image": "PyDMImageView",
}
_BASES = {
    "PyDMLabel": ("QLabel", "label"),
    "PyDMLineEdit": ("QLineEdit", "line_edit"),
    "PyDMEnumComboBox": ("QWidget", "enum_combo_box"),
    "PyDMPushButton": ("QPushButton", "pushbutton"),
    "PyDMWaveformPlot": ("QGraphicsView", "waveformplot"),
    "PyDMImageView": ("QWidget", "image"),
}
"""The Qt class that each extends, and its module in pydm.widgets."""


def pydm(unit: Unit) -> str:
    """The file's text."""
    drawn = widgets(unit)
    ui = ET.Element("ui", version="4.0")
    ET.SubElement(ui, "class").text = "Form"
    form = ET.SubElement(ui, "widget", {"class": "QWidget", "name": "Form"})
    _rect(form, 0, 0, WIDTH, height(drawn))
    _text(form, "windowTitle", f"{unit.name} {unit.prefix}")
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
    channel = f"ca://{w.pv}"
    match w.kind:
        case "title" | "label":
            _text(made, "text", w.text)
        case "plot":
            curve = f'{{"y_channel": "{channel}", "name": "{w.pv}"}}'
            curves = ET.SubElement(made, "property", name="curves")
            ET.SubElement(ET.SubElement(curves, "stringlist"), "string").text = curve
        case "image":
            assert w.shape is not None
            _text(made, "imageChannel", channel)
            _number(made, "imageWidth", w.shape[1])
        case _:
            _text(made, "channel", channel)
    if w.kind == "button":
        _text(made, "text", w.text)
        _text(made, "pressValue", "1")
    if w.precision is not None:
        _number(made, "precision", w.precision)
        _flag(made, "precisionFromPV", value=False)
    if w.is_text:
        shown = ET.SubElement(made, "property", name="displayFormat")
        ET.SubElement(shown, "enum").text = f"{CLASSES[w.kind]}::String"


def _rect(of: ET.Element, x: int, y: int, width: int, height: int) -> None:
    rect = ET.SubElement(ET.SubElement(of, "property", name="geometry"), "rect")
    places = {"x": x, "y": y, "width": width, "height": height}
    for name, value in places.items():
        ET.SubElement(rect, name).text = str(value)


def _text(of: ET.Element, name: str, text: str) -> None:
    ET.SubElement(ET.SubElement(of, "property", name=name), "string").text = text


def _number(of: ET.Element, name: str, number: int) -> None:
    made = ET.SubElement(of, "property", name=name)
    ET.SubElement(made, "number").text = str(number)


def _flag(of: ET.Element, name: str, *, value: bool) -> None:
    made = ET.SubElement(of, "property", name=name)
    ET.SubElement(made, "bool").text = str(value).lower()
