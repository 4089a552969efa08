"""Type and units, as far as the docstring of a property says. Pure.

Drivers of pymeasure say there what no code of theirs does.
"""

import re

_TYPES = (
    ("bool", r"\bbool(ean)?\b"),
    ("int", r"\b(int|integer)\b"),
    ("str", r"\b(str|string)\b"),
    ("float", r"\b(float|floating[- ]point)\b"),
)
_UNITS = {
    "V": r"volts?|V|Volt DC",
    "mV": r"millivolts?|mV",
    "A": r"amps?|amperes?|A",
    "mA": r"milliamps?|mA",
    "Ohm": r"ohms?|Ohm",
    "Hz": r"hertz|Hz",
    "kHz": r"kHz",
    "MHz": r"MHz",
    "GHz": r"GHz",
    "K": r"kelvins?|K",
    "C": r"degrees? celsius|celsius|C|°C",
    "s": r"seconds?|s",
    "ms": r"milliseconds?|ms",
    "W": r"watts?|W",
    "dBm": r"dBm",
    "dB": r"dB",
    "deg": r"degrees?|deg",
    "%": r"percent|%",
    "T": r"tesla|T",
    "G": r"gauss|G",
    "F": r"farads?",
    "nm": r"nanometers?|nm",
    "mm": r"millimeters?|mm",
    "um": r"micrometers?|um|µm",
    "mbar": r"mbar",
    "Pa": r"pascals?|Pa",
}
_UNIT = re.compile(
    "|".join(f"(?P<u{n}>{words})" for n, words in enumerate(_UNITS.values())),
)
_IN = re.compile(r"\b[Ii]n (?:units of )?[`(\[]*(?P<word>%|[°µ\w]+(?: [Cc]elsius)?)")


def first_line(text: str | None) -> str:
    """What the first paragraph says, on one line."""
    paragraph = (text or "").strip().partition("\n\n")[0]
    line = re.sub(r":\w+:`~?\.?([^`]*)`", r"\1", " ".join(paragraph.split()))
    return line.replace("(dynamic)", "").replace("``", "").strip(" .")


def type_in(text: str | None) -> str:
    """The type that is named first; "": none."""
    found = [
        (match.start(), kind)
        for kind, words in _TYPES
        if (match := re.search(words, text or "", re.IGNORECASE))
    ]
    return min(found, default=(0, ""))[1]


def units_in(text: str | None) -> str:
    """Units behind the word "in"; "": none that are known."""
    for match in _IN.finditer(text or ""):
        word = match["word"]
        # Symbols have a case that counts, words have none.
        for candidate in (word, word.lower()):
            unit = _UNIT.fullmatch(candidate)
            if unit and unit.lastgroup:
                return [*_UNITS][int(unit.lastgroup[1:])]
    return ""
