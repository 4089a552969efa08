"""What the source of a class says of itself, for `sswd init --from`.

Found in a throwaway worker, read in the command line. Guesses, for a person to correct:
nothing at run time depends on them.
"""

from typing import Annotated

from msgspec import Meta, Struct

Text = Annotated[str, Meta(max_length=4_096)]
Plain = bool | int | float | Text
_MOST = Meta(max_length=1_000)


class Argument(Struct, frozen=True, array_like=True):
    """A parameter of the constructor that can be given by name."""

    name: Text
    type: Text = ""
    """Its annotation, where that is float, int, bool or str; else empty."""
    default: Plain | None = None
    """None: there is none, or one that TOML cannot hold."""
    is_required: bool = False


class OutlinePv(Struct, frozen=True, array_like=True):
    """A PV that the source names."""

    name: Text
    type: Text
    """As in the configuration; `is_guess` when nothing in the source says so."""
    is_guess: bool = True
    writable: bool = False
    strings: Annotated[list[Text], _MOST] = []
    readback: bool = False
    about: Text = ""
    attribute: Text = ""
    """Of a wrapped driver; the rest is known of these only."""
    readable: bool = False
    units: Text = ""
    limits: tuple[float, float] | None = None
    length: int | None = None


class Outline(Struct, frozen=True, array_like=True):
    """A class as its source shows it."""

    about: Text
    arguments: Annotated[list[Argument], _MOST]
    pvs: Annotated[list[OutlinePv], _MOST]
    ping: Text = ""
    """What a wrapped driver may be asked whether its instrument is there."""
    is_system: bool = True
    """False: it takes no commands as it is, so it is to be wrapped."""
    moves: bool = False
    """Whether it has what a motor record needs: move(position) and position."""
