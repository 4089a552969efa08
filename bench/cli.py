"""The command line of the benchmarks, and the interleaved run."""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from bench import plots, results, table
from bench.build import program
from bench.host import REPOSITORY, BenchError, Cores, cores_of, forbid_realtime
from bench.servers import KINDS, Kind
from bench.trial import Trial
from bench.workloads import TITLES, WORKLOADS

OK, FAILED, CANNOT = 0, 1, 2
_ABOUT = """\
Measures servers side by side: interleaved repeats, medians, a libca client in processes
of its own, everything on loopback without real-time threads."""
_EXIT_CODES = "exit codes: 0 measured, 1 something failed, 2 cannot be run here"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, or render former results; the exit code."""
    args = _parser().parse_args(argv)
    try:
        return _render(args) if args.from_json else _measure(args)
    except BenchError as ex:
        print(f"bench: {ex}", file=sys.stderr)
        return CANNOT
    except KeyboardInterrupt:
        return FAILED


def _parser() -> argparse.ArgumentParser:
    titles = ", ".join(f"{name} {title.lower()}" for name, title in TITLES.items())
    servers = ", ".join(f"{kind.name} {kind.title}" for kind in KINDS.values())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=_ABOUT,
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "workloads", nargs="*", metavar="W", help=f"which of {titles}; none: all"
    )
    parser.add_argument(
        "--servers", nargs="+", choices=[*KINDS], default=[*KINDS], help=servers
    )
    parser.add_argument(
        "--cores",
        nargs="+",
        choices=["free", "split"],
        default=["free"],
        help="free: where the kernel likes; split: one core each for server and client",
    )
    parser.add_argument("--repeats", type=int, help="5 unless given, 3 with --short")
    parser.add_argument("--short", action="store_true", help="shorter measurements")
    parser.add_argument(
        "--minutes", type=float, help="begin no repeat that would not end by then"
    )
    parser.add_argument("--out", type=Path, help="folder of JSON, table and plots")
    parser.add_argument("--no-plots", action="store_true")
    parser.add_argument(
        "--docs", type=Path, metavar="PAGE", help="write the table into this page too"
    )
    parser.add_argument(
        "--from-json",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="measure nothing, render these, of several runs if they do not overlap",
    )
    return parser


def _measure(args: argparse.Namespace) -> int:
    unknown = sorted(set(args.workloads) - set(WORKLOADS))
    if unknown:
        raise BenchError(f"no workload {unknown[0]}; known are {', '.join(WORKLOADS)}")
    forbid_realtime()
    program("caload")
    kinds = _usable(args.servers)
    out = args.out or REPOSITORY / "bench" / "results" / time.strftime("%Y%m%d-%H%M%S")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sswd-bench-") as scratch:
        run = _Run(
            [cores_of(name) for name in args.cores],
            [w for w in WORKLOADS if not args.workloads or w in args.workloads],
            kinds,
            is_short=args.short,
            folder=Path(scratch),
        )
        run.repeat(args.repeats or (3 if args.short else 5), args.minutes)
    about = results.about((k.name for k in kinds), is_short=args.short)
    found = results.summarise(run.trials, about)
    results.save(found, run.trials, out / "results.json")
    _show(args, found, out)
    return FAILED if found.errors else OK


def _usable(names: Sequence[str]) -> list[Kind]:
    kinds = []
    for name in names:
        missing = KINDS[name].missing()
        if missing is None:
            kinds.append(KINDS[name])
        else:
            print(f"bench: {name} is left out: {missing}", file=sys.stderr)
    if not kinds:
        raise BenchError("none of the servers can be run here")
    return kinds


def _render(args: argparse.Namespace) -> int:
    found, *others = map(results.load, args.from_json)
    for other in others:
        found.add(other)
    _show(args, found, args.out or args.from_json[0].parent)
    return OK


def _show(args: argparse.Namespace, found: results.Results, out: Path) -> None:
    text = table.markdown(found)
    (out / "table.md").write_text(text)
    print(text)
    if args.docs:
        table.write_into(args.docs, found)
    missed = table.missed(found)
    print(f"{len(missed)} goals missed" + "".join(f"\n- {m}" for m in missed))
    if not args.no_plots:
        for cores in dict.fromkeys(cores for cores, _, _ in found.medians):
            for path in plots.draw(found, cores, out):
                print(f"plot: {path}")
    print(f"results: {out}")


class _Run:
    """The repeats: in each, every workload on every server, starting with another."""

    def __init__(
        self,
        cores: Sequence[Cores],
        workloads: Sequence[str],
        kinds: Sequence[Kind],
        *,
        is_short: bool,
        folder: Path,
    ) -> None:
        self._plan = [(c, w) for c in cores for w in workloads]
        self._kinds = kinds
        self._is_short = is_short
        self._folder = folder
        self._hopeless: set[tuple[str, str, str]] = set()
        self.trials: list[Trial] = []

    def repeat(self, times: int, minutes: float | None) -> None:
        """Run `times` repeats, or as many as end in `minutes`, at least one."""
        start_s, longest_s = time.monotonic(), 0.0
        for number in range(times):
            begun_s = time.monotonic()
            if minutes and number and begun_s + longest_s - start_s > 60 * minutes:
                print(f"no time for repeat {number + 1} of {times}", file=sys.stderr)
                return
            self._once(number)
            longest_s = max(longest_s, time.monotonic() - begun_s)

    def _once(self, number: int) -> None:
        first = number % len(self._kinds)
        for cores, workload in self._plan:
            for kind in [*self._kinds[first:], *self._kinds[:first]]:
                if (cores.name, workload, kind.name) not in self._hopeless:
                    self._try(cores, workload, kind, number)

    def _try(self, cores: Cores, workload: str, kind: Kind, number: int) -> None:
        folder = self._folder / "trial"
        folder.mkdir()
        trial = Trial(workload, kind, cores, number, self._is_short, folder)
        begun_s = time.monotonic()
        try:
            WORKLOADS[workload](trial)
        except (BenchError, OSError, psutil.Error) as ex:
            trial.error = f"{type(ex).__name__}: {ex}"
            self._hopeless.add((cores.name, workload, kind.name))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self.trials.append(trial)
        took_s = time.monotonic() - begun_s
        what = f"repeat {number + 1}, {cores.name}, {workload} on {kind.name}"
        print(f"{what}: {trial.error or f'{took_s:.1f} s'}", file=sys.stderr)
