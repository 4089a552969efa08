"""`sswd replay` as operators run it, where nothing is put."""

import json
from pathlib import Path

import pytest

from sswd import cli


def test_the_source_system_of_a_ledger_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = {"system": "s", "prefix": "OLD:", "pv": "CMD", "value": "'x'"}
    last = tmp_path / "last.jsonl"
    last.write_text(json.dumps({**line, "at": 1.0, "state": "DONE"}))
    assert cli.main(["replay", str(last), "--to", "OLD:", "--dry-run"]) == 78
    assert "--to OLD: is where these puts went" in capsys.readouterr().err
    assert cli.main(["replay", str(last), "--to", "NEW:", "--dry-run"]) == 0
    assert capsys.readouterr().out == "NEW:CMD x: would be put (it was DONE)\n"


def test_commands_that_had_not_ended_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = {"system": "s", "prefix": "OLD:", "pv": "CMD", "value": "'x'", "at": 1.0}
    last = tmp_path / "last.jsonl"
    last.write_text(json.dumps(line | {"state": "RUNNING"}))
    assert cli.main(["replay", str(last), "--to", "NEW:", "--dry-run"]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == (
        "",
        f"sswd: {last}: 1 command had not ended and is left out\n",
    )
