"""A system's screen as Phoebus reads it (.bob). Needs phoebusgen: `sswd[screens]`."""

from typing import Any
from xml.etree import ElementTree as ET

from sswd.errors import ConfigError
from sswd.export.model import Unit
from sswd.export.rows import TEXTS, WIDTH, Color, Kind, Widget, height
from sswd.export.screen import widgets

_PLAIN: dict[Kind, str] = {
    **dict.fromkeys(TEXTS, "Label"),
    "readback": "TextUpdate",
    "light": "LED",
    "entry": "TextEntry",
    "choice": "ComboBox",
    "image": "Image",
}
"""Widgets that take a text or a PV, and a place."""
_BLUE: Color = (22, 50, 79)
_WHITE: Color = (255, 255, 255)
_GREY: Color = (90, 102, 114)
_OFF: Color = (190, 198, 206)
_SMALL = 11
"""Of headings and notes; Phoebus' own size is 14."""


def bob(unit: Unit) -> str:
    """The file's text. Raises ConfigError without phoebusgen."""
    try:
        from phoebusgen import screen
    except ImportError:
        raise ConfigError(
            "sswd export bob needs phoebusgen: pip install 'sswd[screens]'"
        ) from None
    drawn = widgets(unit)
    made = screen.Screen(f"{unit.name} {unit.prefix}")
    made.width(WIDTH)
    made.height(height(drawn))
    for number, widget in enumerate(drawn):
        made.add_widget(_widget(f"{widget.kind}_{number}", widget))
    ET.indent(made.root, "  ")
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return head + ET.tostring(made.root, encoding="unicode") + "\n"


def _widget(name: str, w: Widget) -> Any:
    from phoebusgen import widget as phoebus

    at = w.x, w.y, w.width, w.height
    match w.kind:
        case "button":
            made = phoebus.ActionButton(name, w.text, w.pv, *at)
            made.action_write_pv("$(pv_name)", "1", w.text)
            if w.confirm:
                made.confirmation_dialog(w.confirm)
        case "plot":
            made = _plot(phoebus, w, phoebus.XYPlot(name, *at))
        case _:
            made = getattr(phoebus, _PLAIN[w.kind])(name, w.text or w.pv, *at)
            _dress(made, w)
    return made


def _plot(phoebus: Any, w: Widget, made: Any) -> Any:
    # phoebusgen has no method for it.
    ET.SubElement(made.root, "show_legend").text = "false"
    trace = phoebus.XYPlotTrace()
    trace.name(w.pv)
    trace.y_pv(w.pv)
    made.add_trace(trace)
    for axis, title in ((phoebus.XYPlotXAxis(), ""), (phoebus.XYPlotYAxis(), w.text)):
        axis.title(title)
        axis.auto_scale(True)
        getattr(made, f"add_{axis.root.tag}")(axis)
    return made


def _dress(made: Any, w: Widget) -> None:
    """Colours, sizes and formats."""
    if w.kind in TEXTS:
        _dress_text(made, w)
    elif w.kind in {"readback", "entry"}:
        _dress_value(made, w)
    elif w.kind == "light":
        made.on_color(*w.color)
        made.off_color(*_OFF)
    elif w.shape is not None:
        made.data_height(w.shape[0])
        made.data_width(w.shape[1])
        made.unsigned_data(w.is_unsigned)


def _dress_text(made: Any, w: Widget) -> None:
    if w.kind in {"title", "section"}:
        made.font_style_bold()
        made.foreground_color(*_BLUE)
    if w.kind == "title":
        made.font_size(20)
    elif w.kind == "section":
        made.foreground_color(*_WHITE)
        made.background_color(*_BLUE)
        made.transparent(False)
    elif w.kind in {"heading", "note"}:
        made.font_size(_SMALL)
        made.foreground_color(*_GREY)
    made.vertical_alignment_middle()
    _align(made, w)
    if w.tip:
        made.tool_tip(w.tip)


def _dress_value(made: Any, w: Widget) -> None:
    made.show_units(False)  # they have a column
    if w.kind == "entry":
        made.version("3.0.0")  # 2.0.0 was BOY's, which Phoebus converts
    made.vertical_alignment_middle()
    _align(made, w)
    if w.precision is not None:
        made.precision(w.precision)
    if w.is_text:
        made.format("String")


def _align(made: Any, w: Widget) -> None:
    if w.align != "left":
        getattr(made, f"horizontal_alignment_{w.align}")()
