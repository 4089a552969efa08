"""What stands where on the screen of a system: widgets in rows. Pure.

A panel of health on top, then commands, then the system's own PVs, then its motors and
images. Bob and PyDM draw the same list.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sswd.export.model import HEALTH, Pv, Unit

Kind: TypeAlias = Literal[
    "title", "label", "readback", "entry", "choice", "button", "plot", "image", "light"
]
WIDTH = 800
ROW = 26
GAP = 4
LABEL = 220
VALUE = 260
PLOT = 200
IMAGE = 320
MARGIN = 10
COMMANDS = ("CMD", "CMD_STATE", "CMD_ERROR", "PROGRESS", "message")
BUTTONS = (("ABORT", "Abort"), ("WORKER:RESTART", "Restart the worker"))


@dataclass(frozen=True)
class Widget:
    """One widget; places and sizes in pixels. `text` of labels and buttons."""

    kind: Kind
    x: int
    y: int
    width: int
    height: int
    pv: str = ""
    text: str = ""
    precision: int | None = None
    shape: tuple[int, int] | None = None
    """(height, width) of an image."""
    states: int = 0
    """Number of states of a light."""
    is_text: bool = False
    """Whether the value is a long string."""


class _Page:
    """Rows from top to bottom."""

    def __init__(self) -> None:
        self.y = MARGIN
        self.widgets: list[Widget] = []

    def add(self, kind: Kind, x: int, width: int, **more: object) -> None:
        height = more.pop("height", ROW)
        assert isinstance(height, int)
        made = Widget(kind, x, self.y, width, height, **more)  # type: ignore[arg-type]
        self.widgets.append(made)

    def end_row(self, height: int = ROW) -> None:
        self.y += height + GAP


def widgets(unit: Unit) -> list[Widget]:
    """The screen of one system."""
    page = _Page()
    page.add("title", MARGIN, WIDTH - 2 * MARGIN, text=f"{unit.name}  {unit.prefix}")
    page.end_row()
    _health(page, unit)
    for short in COMMANDS:
        _row(page, unit.pv(short))
    for short, text in BUTTONS:
        x = MARGIN + LABEL if short == "ABORT" else MARGIN + LABEL + VALUE + GAP
        page.add("button", x, VALUE, pv=unit.pv(short).name, text=text)
    page.end_row()
    for pv in unit.own:
        _row(page, pv)
    for motor in unit.motors:
        _motor(page, unit, motor)
    return page.widgets


def height(drawn: Sequence[Widget]) -> int:
    """The height of a screen with these widgets."""
    return max(w.y + w.height for w in drawn) + MARGIN


def _health(page: _Page, unit: Unit) -> None:
    share = (WIDTH - 2 * MARGIN) // len(HEALTH)
    for n, short in enumerate(HEALTH):
        page.add("label", MARGIN + n * share, share, text=short)
    page.end_row()
    for n, short in enumerate(HEALTH):
        pv = unit.pv(short)
        kind: Kind = "light" if pv.states else "readback"
        page.add(
            kind, MARGIN + n * share, share - GAP, pv=pv.name, states=len(pv.states)
        )
    page.end_row()
    page.add("label", MARGIN, LABEL, text="WORKER:LINK_ERROR")
    wide = WIDTH - 2 * MARGIN - LABEL
    name = unit.pv("WORKER:LINK_ERROR").name
    page.add("readback", MARGIN + LABEL, wide, pv=name, is_text=True)
    page.end_row()


def _row(page: _Page, pv: Pv) -> None:
    page.add("label", MARGIN, LABEL, text=pv.short)
    x, wide = MARGIN + LABEL, WIDTH - 2 * MARGIN - LABEL
    if pv.shape is not None:
        page.add("image", x, wide, height=IMAGE, pv=pv.name, shape=pv.shape)
        page.end_row(IMAGE)
        return
    if pv.is_array:
        page.add("plot", x, wide, height=PLOT, pv=pv.name)
        page.end_row(PLOT)
        return
    is_text = pv.type == "text"
    width = wide if is_text else VALUE
    precision = pv.keys.precision if pv.keys else None
    page.add(
        _kind(pv),
        x,
        width,
        pv=pv.name,
        text=pv.short if pv.type == "action" else "",
        precision=precision,
        is_text=is_text,
    )
    page.end_row()


def _kind(pv: Pv) -> Kind:
    if pv.type == "action":
        return "button"
    if not pv.is_writable:
        return "readback"
    return "choice" if pv.states else "entry"


def _motor(page: _Page, unit: Unit, short: str) -> None:
    name = unit.prefix + short
    page.add("label", MARGIN, LABEL, text=short)
    part = VALUE // 2
    fields: Iterator[tuple[Kind, str, str]] = iter(
        (("entry", ".VAL", ""), ("readback", ".RBV", ""), ("button", ".STOP", "Stop"))
    )
    x = MARGIN + LABEL
    for kind, suffix, text in fields:
        page.add(kind, x, part, pv=name + suffix, text=text)
        x += part + GAP
    page.add("light", x, part, pv=name + ".DMOV", states=2)
    page.end_row()
