"""Widgets, and the page that they are laid on in rows. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal[
    "title",
    "section",
    "heading",
    "label",
    "note",
    "units",
    "readback",
    "entry",
    "choice",
    "button",
    "plot",
    "image",
    "light",
]
TEXTS: tuple[Kind, ...] = ("title", "section", "heading", "label", "note", "units")
"""Those that only show a text."""
Align: TypeAlias = Literal["left", "center", "right"]
Color: TypeAlias = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""

WIDTH = 980
MARGIN = 12
ROW = 26
GAP = 6
INNER = WIDTH - 2 * MARGIN


@dataclass(frozen=True)
class Widget:
    """One widget; places and sizes in pixels."""

    kind: Kind
    x: int
    y: int
    width: int
    height: int
    pv: str = ""
    text: str = ""
    """What a text or a button says; the label of a plot's axis."""
    tip: str = ""
    """What it says when the mouse rests on it."""
    align: Align = "left"
    precision: int | None = None
    shape: tuple[int, int] | None = None
    """(height, width) of an image."""
    is_unsigned: bool = False
    """Whether the elements of an image are; Channel Access does not tell."""
    is_text: bool = False
    """Whether the value is a long string."""
    confirm: str = ""
    """What a button asks before it writes."""
    color: Color = (0, 160, 60)
    """Of a light that is on."""


@dataclass
class Page:
    """Rows from top to bottom."""

    y: int = MARGIN
    widgets: list[Widget] = field(default_factory=list)

    def add(self, kind: Kind, x: int, width: int, **more: Any) -> None:
        """A widget in this row; `more` as Widget has it."""
        more.setdefault("height", ROW)
        self.widgets.append(Widget(kind, x, self.y, width, **more))

    def end_row(self, height: int = ROW) -> None:
        """The next row begins below one of this height."""
        self.y += height + GAP

    def section(self, text: str) -> None:
        """A bar that names the rows below it."""
        self.y += GAP
        self.add("section", MARGIN, INNER, text=text)
        self.end_row()


def height(drawn: Sequence[Widget]) -> int:
    """The height of a screen with these widgets."""
    return max(w.y + w.height for w in drawn) + MARGIN
