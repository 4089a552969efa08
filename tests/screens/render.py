"""Opens a form in PyDM, without a display, and tells what it shows.

    python render.py FORM PICTURE < steps

When every widget shows its PV, it draws PICTURE and prints a line of JSON: for each
widget its channel, class, text, severity and whether it is enabled. Each line that it
reads is JSON: [channel, text] is what to type, choose or, without a text, press; null
asks for the widgets again. It answers each with a line, and ends with its input.
"""

import json
import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ |= {"QT_API": "pyside6", "QT_QPA_PLATFORM": "offscreen"}
os.environ["PYDM_EPICS_LIB"] = "PYEPICS"
# PyDM starts pyside6-uic by its name; it is beside Python.
os.environ["PATH"] = os.pathsep.join(
    (str(Path(sys.executable).parent), os.environ["PATH"])
)

from pydm import PyDMApplication
from pydm.display import load_file
from pydm.widgets import (
    PyDMEnumComboBox,
    PyDMImageView,
    PyDMLineEdit,
    PyDMPushButton,
    PyDMWaveformPlot,
)
from pydm.widgets.base import PyDMWidget
from qtpy.QtWidgets import QWidget

PATIENCE_S = 60.0


def main(form: str, picture: str) -> None:
    app = PyDMApplication(use_main_window=False)
    shown = load_file(form, target=None)
    shown.show()
    found = list(widgets(shown))
    try:
        wait(app, lambda: all(map(is_shown, found)))
    except TimeoutError:
        print("not shown:", [w.objectName() for w in found if not is_shown(w)])
        raise
    shown.grab().save(picture)
    tell([described(widget) for widget in found])
    while line := next_line(app):
        step = json.loads(line)
        if step is None:
            tell([described(widget) for widget in found])
        else:
            written(*step, found)
            tell(step)


def next_line(app: PyDMApplication) -> str:
    """The next line of the input, empty at its end; PyDM goes on meanwhile."""
    while not select.select([sys.stdin], [], [], 0.02)[0]:
        app.processEvents()
    return sys.stdin.readline()


def tell(what: object) -> None:
    print(json.dumps(what), flush=True)


def wait(app: PyDMApplication, condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError
        app.processEvents()
        time.sleep(0.02)
    drawn_s = time.monotonic() + 0.5  # plots are drawn 30 times a second
    while time.monotonic() < drawn_s:
        app.processEvents()
        time.sleep(0.02)


def widgets(form: QWidget) -> Iterator[Any]:
    """Those that have a PV."""
    for made in form.findChildren(QWidget):
        if isinstance(made, PyDMWidget | PyDMWaveformPlot) and "_" in made.objectName():
            yield made


def is_shown(widget: Any) -> bool:
    """Whether the PV is connected and its value has come."""
    if isinstance(widget, PyDMWaveformPlot):
        return all(curve.getData()[0] is not None for curve in widget._curves)
    if isinstance(widget, PyDMImageView):
        return widget.getImageItem().image is not None
    return widget._connected and widget.value is not None


def described(widget: Any) -> dict[str, object]:
    text = getattr(widget, "currentText", None) or getattr(widget, "text", str)
    image = widget.getImageItem().image if isinstance(widget, PyDMImageView) else None
    return {
        "class": type(widget).__name__,
        "channel": channel_of(widget),
        "text": text(),
        "severity": getattr(widget, "_alarm_state", 0),
        "enabled": widget.isEnabled(),
        "shape": None if image is None else image.shape,
        "brightest": None if image is None else int(image.argmax()),
    }


def channel_of(widget: Any) -> str:
    if isinstance(widget, PyDMWaveformPlot):
        return str(widget._curves[0].y_address)
    return str(getattr(widget, "imageChannel", None) or widget.channel)


def written(channel: str, text: str, found: list[Any]) -> None:
    """Do what an operator does."""
    widget = next(w for w in found if channel_of(w) == channel and not is_label(w))
    match widget:
        case PyDMLineEdit():
            widget.setText(text)
            widget.returnPressed.emit()
        case PyDMEnumComboBox():
            widget.internal_combo_box_activated_int(widget.findText(text))
        case PyDMPushButton():
            widget.click()


def is_label(widget: Any) -> bool:
    return not isinstance(widget, PyDMLineEdit | PyDMEnumComboBox | PyDMPushButton)


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # libca's threads and Qt's end in no order that both like
