"""Draws the table of docs/reference/performance.md: latency.svg, isolation.svg,
throughput.svg and growth.svg.

    python docs/pictures/benchmarks.py

Each row of a picture is a row of the table, each dot a server; the axis is logarithmic.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

HERE = Path(__file__).parent
PAGE = HERE.parent / "reference/performance.md"
COLORS = {"sswd": "#c2410c", "S1": "#7c3aed", "S2": "#0369a1", "S3": "#15803d"}
NAMES = {"S1": "S1, caproto", "S2": "S2, pythonSoftIOC", "S3": "S3, EPICS base in C"}
WIDTH, LEFT, RIGHT, ROW, TOP, BOTTOM = 860, 300, 830, 26, 66, 44
BUSY = ("idle", "sleeping", "computing", "gil", "stopped", "flooding", "puts")


@dataclass(frozen=True)
class Chart:
    """One picture: the rows of the table that it shows, as (workload, label)."""

    name: str
    title: str
    rows: tuple[tuple[str, str], ...]


CHARTS = (
    Chart(
        "latency",
        "Latency, µs: left is better",
        (
            ("W1", "put to ACK monitor, p50, µs"),
            ("W1", "put to ACK monitor, p99, µs"),
            ("W2", "caget, p50, µs"),
            ("W2", "caget, p99, µs"),
            ("W3", "1 kHz, one way, p50, µs"),
            ("W3", "1 kHz, one way, p99, µs"),
            ("W3", "the same, system computing, p50, µs"),
            ("W3", "system computing, p99, µs"),
        ),
    ),
    Chart(
        "isolation",
        "Slowest get of a client, µs, by what the system does: left is better",
        tuple(("W5", f"{doing}: caget, max, µs") for doing in BUSY),
    ),
    Chart(
        "throughput",
        "Per second: right is better",
        (
            ("W2", "10 PVs pipelined, gets/s"),
            ("W2", "10 clients, gets/s"),
            ("W2", "100 clients, gets/s"),
            ("W3", "unpaced, events/s"),
            ("W4", "float64[10000], frames/s"),
            ("W4", "uint8 4 MiB, frames/s"),
            ("W4", "uint8 16 MiB, frames/s"),
        ),
    ),
    Chart(
        "growth",
        "CPU, %, as work grows: left is better",
        tuple(("W8", f"{n} PVs: CPU, %") for n in (1, 10, 100, 1000))
        + tuple(("W8", f"{n} clients: CPU, %") for n in (1, 10, 100)),
    ),
)


def main() -> None:
    page = PAGE.read_text()
    for chart in CHARTS:
        (HERE / f"{chart.name}.svg").write_text(drawing(chart, page))


def table(page: str) -> dict[tuple[str, str], dict[str, float]]:
    """What each server has in each row, on free cores."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    workload = ""
    for line in page.splitlines():
        if line.startswith("### "):
            workload = "" if "one core each" in line else line.split()[1]
        cells = [cell.strip().replace(",", "") for cell in line.split("|")[2:6]]
        if workload and line.startswith("| ") and re.match(r"[\d.]", cells[0]):
            pairs = zip(COLORS, cells, strict=True)
            label = line.split("|")[1].strip()
            found[workload, label] = {s: float(cell) for s, cell in pairs if cell}
    return found


def drawing(chart: Chart, page: str) -> str:
    """One picture, as SVG."""
    rows = table(page)
    values = [rows[key] for key in chart.rows]
    numbers = [value for row in values for value in row.values()]
    low = math.floor(math.log10(min(numbers)))
    high = math.ceil(math.log10(max(numbers)))
    bottom = TOP + ROW * len(values)
    size = {"width": str(WIDTH), "height": str(bottom + BOTTOM)}
    svg = ET.Element("svg", size, xmlns="http://www.w3.org/2000/svg")
    svg.set("font-family", "Liberation Sans, Arial, sans-serif")
    ET.SubElement(svg, "rect", size, fill="#ffffff")
    write(svg, 12, 24, chart.title, size=16)
    legend(svg)
    for power in range(low, high + 1):
        x = place(10.0**power, low, high)
        line(svg, x, TOP - 6, x, bottom)
        text = f"{10**power:,}" if power >= 0 else f"{10.0**power:g}"
        write(svg, x, bottom + 16, text, anchor="middle", size=11)
    for n, (key, row) in enumerate(zip(chart.rows, values, strict=True)):
        y = TOP + ROW * n + ROW // 2
        line(svg, LEFT, y, RIGHT, y)
        write(svg, LEFT - 12, y + 4, f"{key[0]}  {key[1]}", anchor="end")
        dots(svg, y, row, (low, high))
    write(svg, 12, bottom + 36, made_on(page), size=11)
    ET.indent(svg)
    return ET.tostring(svg, encoding="unicode") + "\n"


def made_on(page: str) -> str:
    """Date, machine and commit, from the line above the table."""
    about = re.search(
        r"^(?:Full|Short) run of (\S+ \S+), .*, on (.*?), Linux.*$", page, re.MULTILINE
    )
    assert about, "performance.md does not say when and where"
    commit = re.search(r"commit(?:ted as)? ([0-9a-f]{7,})", about[0])
    return f"{about[1]}, {about[2]}" + (f", {commit[0]}" if commit else "")


def legend(svg: ET.Element) -> None:
    for n, (server, color) in enumerate(COLORS.items()):
        x = LEFT + 140 * n - 60 * (n > 0)
        ET.SubElement(svg, "circle", cx=f"{x}", cy="44", r="6", fill=color)
        write(svg, x + 12, 48, NAMES.get(server, server))


def dots(svg: ET.Element, y: int, row: dict[str, float], powers: Sequence[int]) -> None:
    """The servers of one row; ours last, on top."""
    for server in reversed(COLORS):
        if server in row:
            x = f"{place(row[server], *powers):.1f}"
            dot = ET.SubElement(svg, "circle", cx=x, cy=f"{y}", r="6")
            dot.set("fill", COLORS[server])
            ET.SubElement(dot, "title").text = f"{server}: {row[server]:,g}"


def place(value: float, low: int, high: int) -> float:
    """Where a value stands between LEFT and RIGHT."""
    return LEFT + (RIGHT - LEFT) * (math.log10(value) - low) / (high - low)


def line(svg: ET.Element, x1: float, y1: int, x2: float, y2: int) -> None:
    ends = {"x1": f"{x1:.1f}", "y1": f"{y1}", "x2": f"{x2:.1f}", "y2": f"{y2}"}
    ET.SubElement(svg, "line", ends, stroke="#d5dae0")


def write(
    svg: ET.Element,
    x: float,
    y: int,
    text: str,
    *,
    anchor: str = "start",
    size: int = 13,
) -> None:
    at = {"x": f"{x:.1f}", "y": f"{y}", "font-size": f"{size}", "text-anchor": anchor}
    ET.SubElement(svg, "text", at, fill="#1f2933").text = text


if __name__ == "__main__":
    main()
