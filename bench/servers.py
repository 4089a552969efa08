"""The servers: how each is started, and what is missing when it cannot be."""

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.build import epics, program
from bench.host import BenchError
from bench.peers.arguments import prefix_of
from bench.systems import FLOATS, IMAGE4, IMAGE16

LIFE_S = 300
"""A server ends by itself after so long; the daemon ends with its parent."""


@dataclass(frozen=True)
class Shape:
    """What a server shall serve."""

    pvs: int = 10
    systems: int = 1
    images: bool = False
    standby: bool = False


@dataclass(frozen=True)
class Kind:
    """One kind of server. `command` writes what it needs into the folder given."""

    name: str
    title: str
    needs: tuple[str, ...]
    command: Callable[[Shape, Path], list[str]]
    has_worker: bool = False

    def missing(self) -> str | None:
        """Why it cannot be run here, in words; None: it can."""
        for module in self.needs:
            if importlib.util.find_spec(module) is None:
                return f"the Python package {module} is not installed (group bench)"
        if self.name == "S3":
            try:
                program("base_ioc")
            except BenchError as ex:
                return str(ex)
        return None


def _sswd(shape: Shape, folder: Path) -> list[str]:
    lines = []
    for number in range(shape.systems):
        lines += [
            f"[system.s{number}]",
            'target = "bench.sswd_system:BenchSystem"',
            f'prefix = "T:{prefix_of(number)}"',
            f"standby = {str(shape.standby).lower()}",
            # As after five seconds of running, which a benchmark need not wait for.
            "restart = { delay_s = 0.001 }",
        ]
        if number == 0:
            lines.append("[system.s0.pvs]")
            lines += [f'val{i} = {{ type = "float" }}' for i in range(shape.pvs)]
            if shape.images:
                lines.append(f'img4 = {{ type = "bytes", length = {IMAGE4} }}')
                lines.append(f'img16 = {{ type = "bytes", length = {IMAGE16} }}')
    (folder / "bench.toml").write_text("\n".join(lines) + "\n")
    return [sys.executable, "-m", "sswd", "run", str(folder / "bench.toml")]


def _peer(name: str) -> Callable[[Shape, Path], list[str]]:
    def command(shape: Shape, _folder: Path) -> list[str]:
        return [
            sys.executable,
            "-m",
            f"bench.peers.{name}",
            f"--pvs={shape.pvs}",
            f"--systems={shape.systems}",
            f"--secs={LIFE_S}",
            *(["--images"] if shape.images else []),
        ]

    return command


def _base(shape: Shape, folder: Path) -> list[str]:
    records = [f'record(ai, "T:val{i}") {{}}' for i in range(shape.pvs)]
    records.append(_waveform("values", "DOUBLE", FLOATS))
    if shape.images:
        records.append(_waveform("img4", "UCHAR", IMAGE4))
        records.append(_waveform("img16", "UCHAR", IMAGE16))
    for number in range(shape.systems):
        prefix = "T:" + prefix_of(number)
        # MPST: the same text twice is two commands
        records.append(f'record(stringin, "{prefix}CMD") {{field(MPST, "Always")}}')
        records.append(f'record(longin, "{prefix}ACK") {{}}')
    (folder / "bench.db").write_text("\n".join(records) + "\n")
    return [
        str(program("base_ioc")),
        str(epics() / "dbd" / "base.dbd"),
        str(epics() / "dbd"),
        str(folder / "bench.db"),
        str(shape.systems),
        str(LIFE_S),
        str(shape.pvs),
        str(int(shape.images)),
    ]


def _waveform(name: str, kind: str, length: int) -> str:
    return (
        f'record(waveform, "T:{name}") '
        f'{{field(FTVL, "{kind}") field(NELM, "{length}")}}'
    )


KINDS = {
    kind.name: kind
    for kind in (
        Kind("sswd", "sswd, daemon and worker", (), _sswd, has_worker=True),
        Kind("S1", "plain caproto with threads", ("caproto",), _peer("caproto_ioc")),
        Kind("S2", "pythonSoftIOC", ("softioc",), _peer("softioc_ioc")),
        Kind("S3", "EPICS base in C", ("epicscorelibs",), _base),
        Kind("pcaspy", "pcaspy", ("pcaspy",), _peer("pcaspy_ioc")),
    )
}
