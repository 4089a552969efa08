"""A system's screen as Phoebus reads it (.bob). Needs phoebusgen: `sswd[screens]`."""

from typing import Any
from xml.etree import ElementTree as ET

from sswd.errors import ConfigError
from sswd.export.model import Unit
from sswd.export.screen import WIDTH, Kind, Widget, height, widgets

_PLAIN: dict[Kind, str] = {
    "title": "Label",
    "label": "Label",
    "readback": "TextUpdate",
    "light": "TextUpdate",
    "entry": "TextEntry",
    "choice": "ComboBox",
}
"""Widgets that take a text or a PV, and a place."""


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
    if w.kind in _PLAIN:
        made = getattr(phoebus, _PLAIN[w.kind])(name, w.text or w.pv, *at)
    elif w.kind == "button":
        made = phoebus.ActionButton(name, w.text, w.pv, *at)
        made.action_write_pv("$(pv_name)", "1", w.text)
    elif w.kind == "plot":
        made = phoebus.XYPlot(name, *at)
        trace = phoebus.XYPlotTrace()
        trace.y_pv(w.pv)
        made.add_trace(trace)
    else:
        made = phoebus.Image(name, w.pv, *at)
        assert w.shape is not None
        made.data_height(w.shape[0])
        made.data_width(w.shape[1])
    if w.kind == "title":
        made.font_style_bold()
    if w.precision is not None:
        made.precision(w.precision)
    if w.is_text:
        made.format("String")
    return made
