"""Results -> a Markdown table with ratios, goals and verdicts."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.goals import REFERENCE, ROWS, Row
from bench.host import BenchError
from bench.results import Results
from bench.servers import KINDS
from bench.workloads import TITLES

BEGIN, END = "<!-- table begins -->", "<!-- table ends -->"
OURS = "sswd"


def markdown(results: Results) -> str:
    """All tables, one a workload, with what they were made on."""
    parts = [_about(results)]
    for cores in dict.fromkeys(cores for cores, _, _ in results.medians):
        for workload, title in TITLES.items():
            rows = [r for r in ROWS if r.workload == workload]
            lines = list(_lines(results, cores, rows))
            if lines:
                where = "" if cores == "free" else ", one core each"
                parts.append(f"### {workload} {title}{where}\n\n" + "\n".join(lines))
    parts.extend(_failures(results))
    return "\n\n".join(parts) + "\n"


def missed(results: Results) -> list[str]:
    """The labels of the goals that sswd misses."""
    return [
        f"{row.workload} {row.label} ({cores})"
        for cores in dict.fromkeys(cores for cores, _, _ in results.medians)
        for row in ROWS
        if _is_met(results, cores, row) is False
    ]


def write_into(page: Path, results: Results) -> None:
    """Put the table between the marks of a page. Raises BenchError without marks."""
    text = page.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise BenchError(f"{page} has no lines {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n\n{markdown(results)}\n{END}{after}")


def _about(results: Results) -> str:
    about = results.about
    versions = ", ".join(f"{k} {v}" for k, v in about["versions"].items())
    commit = f", commit {about['commit']}" if about.get("commit") else ""
    repeats = sorted(set(results.repeats.values()))
    times = " to ".join(str(n) for n in dict.fromkeys((repeats[0], repeats[-1])))
    servers = "; ".join(
        f"{s}: {KINDS[s].title}" for s in results.servers() if s != KINDS[s].title
    )
    return (
        f"{'Short' if about['short'] else 'Full'} run of {about['date']}, medians of "
        f"{times} interleaved repeats, on {about['cores']} cores of "
        f"{about['processor']}, Linux {about['kernel']}, Python {about['python']}, "
        f"{versions}{commit}. {servers}."
    )


def _lines(results: Results, cores: str, rows: Sequence[Row]) -> Iterator[str]:
    servers = results.servers()
    shown = [
        row
        for row in rows
        if any(row.metric in results.of(cores, row.workload, s) for s in servers)
    ]
    if not shown:
        return
    has_ratio = {OURS, REFERENCE} <= set(servers)
    ratio = [f"{OURS}/{REFERENCE}"] if has_ratio else []
    heads = ["what", *servers, *ratio, "wanted", "met"]
    yield _line(heads)
    yield _line(["---", *["---:"] * (len(servers) + len(ratio)), "---", "---"])
    for row in shown:
        cells = [
            _number(results.of(cores, row.workload, s).get(row.metric)) for s in servers
        ]
        if has_ratio:
            cells.append(_ratio(results, cores, row))
        words = "" if row.wanted is None else row.wanted.words
        verdict = {True: "yes", False: "**no**", None: ""}[_is_met(results, cores, row)]
        yield _line([row.label, *cells, words, verdict])


def _is_met(results: Results, cores: str, row: Row) -> bool | None:
    own = results.of(cores, row.workload, OURS)
    value = own.get(row.metric)
    if value is None or row.wanted is None:
        return None
    reference = results.of(cores, row.workload, REFERENCE)
    return row.wanted.is_met(value, own, reference)


def _ratio(results: Results, cores: str, row: Row) -> str:
    ours = results.of(cores, row.workload, OURS).get(row.metric)
    theirs = results.of(cores, row.workload, REFERENCE).get(row.metric)
    return f"{ours / theirs:.2f}" if ours is not None and theirs else ""


def _failures(results: Results) -> Iterator[str]:
    if not results.errors:
        return
    yield "What could not be measured:\n\n" + "\n".join(
        f"- {workload} on {server} ({cores}): {error.splitlines()[0]}"
        for (cores, workload, server), error in results.errors.items()
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if value and abs(value) < 100:
        return f"{value:.3g}"
    return f"{value:,.0f}"
