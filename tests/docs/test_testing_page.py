"""docs/how-to/test-your-driver.md and its example: their tests are run."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "test-your-driver.md").read_text()
EXAMPLE = ROOT / "examples" / "testing_a_driver"
BLOCK = re.compile(r"^```python(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def passed(folder: Path) -> int:
    """How many tests in a user's folder pass, with none that fails."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120.0,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    found = re.search(r"(\d+) passed", done.stdout)
    assert found is not None
    return int(found[1])


def test_the_tests_of_the_example_pass(tmp_path: Path) -> None:
    folder = shutil.copytree(EXAMPLE, tmp_path / "example")
    assert passed(folder) == 7


def test_the_tests_on_the_page_pass(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    for name, text in BLOCK.findall(PAGE):
        if name:
            (tmp_path / name).write_text(text)
    assert passed(tmp_path) == 4


def test_the_snippet_on_the_page_is_from_the_example() -> None:
    example = (EXAMPLE / "test_heater.py").read_text()
    snippets = [text for name, text in BLOCK.findall(PAGE) if not name]
    assert len(snippets) == 1
    for line in snippets[0].splitlines():
        assert line in example
