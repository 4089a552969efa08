"""The benchmarks run and write what they promise. Never how fast anything is."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench import table
from bench.goals import ROWS
from bench.host import REPOSITORY
from bench.results import load
from bench.workloads import WORKLOADS

RUN_S = 50.0

needs_gcc = pytest.mark.skipif(
    shutil.which("gcc") is None, reason="the libca client is compiled with gcc"
)


def bench(*args: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "bench", *map(str, args)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )


@needs_gcc
def test_a_run_writes_json_and_a_table_with_both_servers(tmp_path: Path) -> None:
    done = bench(
        *("W1", "--servers", "sswd", "S3", "--short", "--repeats", 1),
        *("--no-plots", "--out", tmp_path),
    )
    assert done.returncode == 0, done.stderr
    results = load(tmp_path / "results.json")
    assert results.servers() == ["sswd", "S3"]
    for server in results.servers():
        medians = results.of("free", "W1", server)
        assert medians["ack.n"] > 1
        assert medians["lost"] == 0
    document = json.loads((tmp_path / "results.json").read_text())
    assert [r["server"] for r in document["repeats"]] == ["sswd", "S3"]
    assert "| what | sswd | S3 |" in (tmp_path / "table.md").read_text()


@needs_gcc
def test_results_are_rendered_again_into_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    first = bench(
        *("W6", "--servers", "S3", "--short", "--repeats", 1),
        *("--no-plots", "--out", tmp_path),
    )
    assert first.returncode == 0, first.stderr
    again = bench(
        *("--from-json", tmp_path / "results.json", "--docs", page, "--no-plots")
    )
    assert again.returncode == 0, again.stderr
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "start to first caget" in text
    assert "old" not in text
    twice = bench("--from-json", *2 * [tmp_path / "results.json"], "--no-plots")
    assert twice.returncode == 2
    assert "both runs measured free W6 S3" in twice.stderr


def test_an_unknown_workload_is_told_in_words() -> None:
    done = bench("W9")
    assert done.returncode == 2
    assert "no workload W9; known are W1, W2" in done.stderr


def test_a_missing_compiler_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench import build
    from bench.host import BenchError

    monkeypatch.setattr(build, "BUILD", tmp_path)
    monkeypatch.setattr(build.shutil, "which", lambda _name: None)
    with pytest.raises(BenchError, match="gcc is missing; install it"):
        build.program("caload")


def test_every_workload_has_rows_and_every_row_a_workload() -> None:
    assert {row.workload for row in ROWS} == set(WORKLOADS)
    assert len({(row.workload, row.metric) for row in ROWS}) == len(ROWS)
