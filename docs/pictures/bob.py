"""Draws bob.svg: what stands where in the .bob of a microscope that tests use.

    python docs/pictures/bob.py

It is no Phoebus: it draws boxes and texts from the file, without values.
"""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "tests/screens/microscope.toml"
BOXES = {
    "textupdate": "#f0f0f0",
    "textentry": "#80ffff",  # as Phoebus has them where nothing is configured
    "combo": "#d2d2d2",
    "action_button": "#d2d2d2",
    "xyplot": "#ffffff",
    "image": "#404040",
}
LINE = "#8c96a0"
ANCHORS = {"0": ("start", 3), "1": ("middle", 0), "2": ("end", -3)}


def main() -> None:
    command = [sys.executable, "-m", "sswd", "export", "bob", str(CONFIG)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (HERE / "bob.svg").write_text(drawing(ET.fromstring(text)))


def drawing(display: ET.Element) -> str:
    """The picture of a display."""
    size = {name: display.findtext(name, "") for name in ("width", "height")}
    svg = ET.Element("svg", size, xmlns="http://www.w3.org/2000/svg")
    ET.SubElement(svg, "rect", size, fill="#ffffff")
    svg.set("font-family", "Liberation Sans, Arial, sans-serif")
    for widget in display.iter("widget"):
        draw(svg, widget)
    ET.indent(svg)
    return ET.tostring(svg, encoding="unicode") + "\n"


def draw(svg: ET.Element, widget: ET.Element) -> None:
    """One widget: its box, then its text."""
    kind = widget.get("type", "")
    place = {n: widget.findtext(n, "0") for n in ("x", "y", "width", "height")}
    x, y, width, height = (int(text) for text in place.values())
    if kind == "led":
        at = {"cx": str(x + width // 2), "cy": str(y + height // 2), "r": "10"}
        ET.SubElement(svg, "circle", at, fill="#bec6ce", stroke=LINE)
    elif kind in BOXES:
        ET.SubElement(svg, "rect", place, fill=BOXES[kind], stroke=LINE)
    elif widget.findtext("transparent") == "false":
        ET.SubElement(svg, "rect", place, fill=color(widget, "background_color"))
    centred = "1" if kind in {"action_button", "xyplot", "image"} else "0"
    align = widget.findtext("horizontal_alignment", centred)
    anchor, shift = ANCHORS[align]
    font = widget.find("font/font")
    pixels = "14" if font is None else font.get("size") or "14"
    left = x + shift + {"0": 0, "1": width // 2, "2": width}[align]
    text = ET.SubElement(svg, "text", {"text-anchor": anchor, "font-size": pixels})
    text.set("x", str(left))
    text.set("y", str(y + height // 2 + int(pixels) * 3 // 8))
    text.set("fill", "#ffffff" if kind == "image" else color(widget))
    text.text = widget.findtext("text") or kind * (kind in {"xyplot", "image"})


def color(widget: ET.Element, name: str = "foreground_color") -> str:
    """A colour of a widget, black where it has none."""
    found = widget.find(f"{name}/color")
    parts = ("red", "green", "blue")
    rgb = [0 if found is None else int(found.get(part, "0")) for part in parts]
    return "#" + "".join(f"{part:02x}" for part in rgb)


if __name__ == "__main__":
    main()
