"""Every block of the README is run: commands as written, files as written."""

import contextlib
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sswd.testing import child_env

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"^```(\w+)(?: (\w+)=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [match.groups() for match in BLOCK.finditer(README)]


def blocks(language: str, key: str | None = None) -> list[tuple[str | None, str]]:
    return [
        (value, text)
        for lang, found, value, text in BLOCKS
        if lang == language and found == key
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for language in ("python", "toml"):
        for name, text in blocks(language, "file"):
            assert name is not None
            (tmp_path / name).write_text(text)
    return tmp_path


@contextlib.contextmanager
def serving(command: list[str], folder: Path, env: dict[str, str]):
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0, (folder / "log").read_text()


def answer(command: str, env: dict[str, str]) -> str:
    """Run a client's command until it succeeds: the server may be starting."""
    until_s = time.monotonic() + 15
    while True:
        done = subprocess.run(
            shlex.split(command), env=env, capture_output=True, text=True, timeout=30
        )
        text = done.stdout + done.stderr
        if "not found" not in text or time.monotonic() > until_s:
            return text


def test_every_block_is_of_a_known_kind() -> None:
    known = {("sh", None), ("python", None), ("python", "file")}
    known |= {("toml", "file"), ("sh", "run"), ("sh", "client")}
    assert {(lang, key) for lang, key, _, _ in BLOCKS} == known


def test_the_two_commands_exist() -> None:
    for _, text in blocks("sh"):
        target = text.split()[-1]
        done = subprocess.run(
            ["make", "-n", target], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


def test_the_driver_is_the_quickstart_example(folder: Path) -> None:
    for name in ("stage.py", "stage.toml"):
        example = ROOT / "examples" / "quickstart" / name
        assert (folder / name).read_text() == example.read_text()


def test_check_pvs_run_and_the_clients_commands(folder: Path) -> None:
    (_, text) = blocks("sh", "run")[0]
    check, pvs, run = text.splitlines()
    env = {**child_env(), "RUNTIME_DIRECTORY": str(folder), "STATE_DIRECTORY": ""}
    del env["STATE_DIRECTORY"]
    for command in (check, pvs):
        done = subprocess.run(
            shlex.split(command), cwd=folder, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert "LAB:POSITION" in done.stdout
    client = [line for _, text in blocks("sh", "client") for line in text.splitlines()]
    with serving(shlex.split(run), folder, env):
        wait_for("sswd get LAB:WORKER:STATE", "RUNNING", env)
        put, get, target, restart = client
        assert "0.5 1 1.5" in answer(put, env)
        told = answer(get, env)  # the put has waited for the command's end
        assert "[0.5, 1, 1.5]" in told
        assert "DONE" in told
        assert re.search(r"LAB:TARGET +2\n", answer(target, env))
        before = answer("sswd get -t LAB:WORKER:PID", env)
        answer(restart, env)
        wait_for(
            "sswd get -t LAB:WORKER:PID",
            lambda text: text not in (before, "0"),
            env,
        )


def wait_for(command: str, wanted, env: dict[str, str]) -> None:
    until_s = time.monotonic() + 20
    while time.monotonic() < until_s:
        text = answer(command, env)
        if wanted(text.strip()) if callable(wanted) else wanted in text:
            return
    pytest.fail(f"{command}: {text!r}")


def test_the_group_under_caprotos_own_run(folder: Path) -> None:
    [(_, script)] = blocks("python")
    (folder / "script.py").write_text(script)
    env = {**child_env(), "STATE_DIRECTORY": str(folder)}
    with serving([sys.executable, "script.py"], folder, env):
        wait_for("sswd get LAB:seq:WORKER:STATE", "RUNNING", env)
        assert "LAB:HOME" in answer("sswd put LAB:HOME 1", env)
        wait_for("sswd get LAB:seq:CMD_STATE", "DONE", env)


def test_links_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")]
    pages += [ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
    broken = []
    for page in pages:
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            if not link.startswith("http") and not (page.parent / link).exists():
                broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert not broken
