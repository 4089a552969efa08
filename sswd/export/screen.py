"""What stands where on the screen of a system: widgets in rows. Pure.

The health on top, then commands, then the system's own PVs, its motors, its plots and
images. Values stand in columns: name, set, read, units. Bob and PyDM draw this list.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sswd.config.companions import DTYPE, HEIGHT, READBACK
from sswd.config.companions import WIDTH as IMAGE_WIDTH
from sswd.export.model import HEALTH, Pv, Unit
from sswd.export.rows import GAP, INNER, MARGIN, Align, Color, Kind, Page, Widget

LABEL = 160
VALUE = 180
UNITS = 56
SET = MARGIN + LABEL + GAP
READ = SET + VALUE + GAP
UNITS_X = READ + VALUE + GAP
NOTE = UNITS_X + UNITS + GAP
END = MARGIN + INNER
CAPTION = 18
BUTTON = 130
PLOT = 240
IMAGE = 340
AMBER: Color = (240, 160, 0)
RED: Color = (220, 0, 0)

NAMES = {
    "WORKER:STATE": "Worker",
    "WORKER:LINK": "Link to the instrument",
    "WORKER:STALLED": "Stalled",
    "BUSY": "Busy",
    "QUEUE_LEN": "Commands waiting",
}
ANSWERS = (("CMD_ERROR", "Error"), ("message", "Message"))
RESTART = "Restart the worker? It ends the command that runs."
STEP = 30
LIGHT = 40


@dataclass(frozen=True)
class _Part:
    """One widget of a motor's row."""

    kind: Kind
    field: str
    width: int
    text: str = ""
    heading: str = ""
    color: Color = AMBER


MOTOR = (
    _Part("button", "TWR", STEP, "\N{MINUS SIGN}"),
    _Part("entry", "TWV", 64, heading="Step"),
    _Part("button", "TWF", STEP, "+"),
    _Part("button", "STOP", 64, "Stop"),
    _Part("light", "MOVN", LIGHT, heading="Moves"),
    _Part("light", "LLS", LIGHT, heading="Low", color=RED),
    _Part("light", "HLS", LIGHT, heading="High", color=RED),
)
"""What follows the units, from left to right."""


def widgets(unit: Unit) -> list[Widget]:
    """The screen of one system."""
    page = Page()
    page.add("title", MARGIN, INNER, height=34, text=f"{unit.name}   {unit.prefix}")
    page.end_row(34)
    _health(page, unit)
    _commands(page, unit)
    _values(page, unit)
    _motors(page, unit)
    _pictures(page, unit)
    return page.widgets


def _health(page: Page, unit: Unit) -> None:
    share = (INNER + GAP) // len(HEALTH)
    places = [(MARGIN + n * share, unit.pv(short)) for n, short in enumerate(HEALTH)]
    for x, pv in places:
        text = NAMES[pv.short]
        page.add("heading", x, share - GAP, height=CAPTION, text=text, tip=_tip(pv))
    page.end_row(CAPTION - GAP)
    for x, pv in places:
        page.add("readback", x, share - GAP, pv=pv.name, align="center")
    page.end_row()
    pv = unit.pv("WORKER:LINK_ERROR")
    page.add("label", MARGIN, LABEL, text="Error of the link", tip=_tip(pv))
    page.add("readback", SET, END - SET, pv=pv.name, is_text=True)
    page.end_row()


def _commands(page: Page, unit: Unit) -> None:
    page.section("Command")
    pv = unit.pv("CMD")
    buttons = END - 2 * BUTTON - GAP
    page.add("label", MARGIN, LABEL, text="Command", tip=_tip(pv))
    page.add("entry", SET, buttons - GAP - SET, pv=pv.name, is_text=pv.type == "text")
    page.add("button", buttons, BUTTON, pv=unit.pv("ABORT").name, text="Abort")
    page.add(
        "button",
        END - BUTTON,
        BUTTON,
        pv=unit.pv("WORKER:RESTART").name,
        text="Restart worker",
        confirm=RESTART,
    )
    page.end_row()
    pv = unit.pv("CMD_STATE")
    page.add("label", MARGIN, LABEL, text="State", tip=_tip(pv))
    page.add("readback", SET, VALUE, pv=pv.name)
    pv = unit.pv("PROGRESS")
    page.add("label", READ, VALUE, text="Progress, 0 to 1", tip=_tip(pv), align="right")
    page.add("readback", UNITS_X, 80, pv=pv.name, align="right", precision=2)
    page.end_row()
    for short, text in ANSWERS:
        pv = unit.pv(short)
        page.add("label", MARGIN, LABEL, text=text, tip=_tip(pv))
        page.add("readback", SET, END - SET, pv=pv.name, is_text=True)
        page.end_row()


def _values(page: Page, unit: Unit) -> None:
    own = {pv.short: pv for pv in unit.own if not pv.is_array and pv.shape is None}
    told = {
        pv.short + suffix  # by what shows the image
        for pv in unit.own
        if pv.shape is not None
        for suffix in (IMAGE_WIDTH, HEIGHT, DTYPE)
    }
    readbacks = {short + READBACK for short in own} & own.keys()
    rows = [pv for pv in own.values() if pv.short not in readbacks | told]
    if rows:
        page.section("Values")
        _headings(page)
    for pv in rows:
        _row(page, pv, own.get(pv.short + READBACK))


def _headings(page: Page) -> None:
    for x, text in ((SET, "Set"), (READ, "Read")):
        page.add("heading", x, VALUE, height=CAPTION, text=text)
    page.end_row(CAPTION - GAP)


def _row(page: Page, pv: Pv, readback: Pv | None) -> None:
    page.add("label", MARGIN, LABEL, text=pv.short, tip=_tip(pv))
    is_long = pv.type in ("str", "text") and readback is None
    width = READ + VALUE - SET if is_long else VALUE
    _value(page, pv, SET if pv.is_writable or is_long else READ, width)
    if readback is not None:
        _value(page, readback, READ, VALUE)
    page.add("units", UNITS_X, UNITS, text=pv.units)
    page.add("note", NOTE, END - NOTE, text=pv.description)
    page.end_row()


def _value(page: Page, pv: Pv, x: int, width: int) -> None:
    page.add(
        _kind(pv),
        x,
        width,
        pv=pv.name,
        text=pv.short if pv.type == "action" else "",
        align="right" if pv.type in ("float", "int") else "left",
        precision=pv.keys.precision if pv.keys and pv.type == "float" else None,
        is_text=pv.type == "text",
    )


def _kind(pv: Pv) -> Kind:
    if pv.type == "action":
        return "button"
    if not pv.is_writable:
        return "readback"
    return "choice" if pv.states else "entry"


def _motors(page: Page, unit: Unit) -> None:
    if not unit.motors:
        return
    page.section("Motors")
    x = NOTE
    for part in MOTOR:
        if part.heading:
            page.add("heading", x, part.width, height=CAPTION, text=part.heading)
        x += part.width + GAP
    _headings(page)
    for short in unit.motors:
        _motor(page, unit.pv(short))


def _motor(page: Page, pv: Pv) -> None:
    page.add("label", MARGIN, LABEL, text=pv.short, tip=_tip(pv))
    right: Align = "right"
    page.add("entry", SET, VALUE, pv=f"{pv.name}.VAL", align=right)
    page.add("readback", READ, VALUE, pv=f"{pv.name}.RBV", align=right)
    page.add("units", UNITS_X, UNITS, text=pv.units)
    x = NOTE
    for part in MOTOR:
        name = f"{pv.name}.{part.field}"
        page.add(
            part.kind, x, part.width, pv=name, text=part.text, color=part.color,
            align=right,
        )  # fmt: skip
        x += part.width + GAP
    page.end_row()


def _pictures(page: Page, unit: Unit) -> None:
    shown = [pv for pv in unit.own if pv.is_array or pv.shape is not None]
    if shown:
        page.section("Plots and images")
    for pair in (shown[n : n + 2] for n in range(0, len(shown), 2)):
        _pair(page, pair)


def _pair(page: Page, pair: Sequence[Pv]) -> None:
    """One or two, side by side."""
    share = (INNER + GAP) // len(pair)
    tall = IMAGE if any(pv.shape is not None for pv in pair) else PLOT
    for n, pv in enumerate(pair):
        text = f"{pv.short} ({pv.units})" if pv.units else pv.short
        x = MARGIN + n * share
        page.add("heading", x, share - GAP, height=CAPTION, text=text, tip=_tip(pv))
    page.end_row(CAPTION - GAP)
    for n, pv in enumerate(pair):
        page.add(
            "plot" if pv.shape is None else "image",
            MARGIN + n * share,
            share - GAP,
            height=tall,
            pv=pv.name,
            text=pv.units if pv.shape is None else "",
            shape=pv.shape,
            is_unsigned=pv.type == "bytes" or pv.type.startswith("uint"),
        )
    page.end_row(tall)


def _tip(pv: Pv) -> str:
    return f"{pv.name}  {pv.description}".strip()
