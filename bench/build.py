"""Builds the programs in C against the libraries in the pip package epicscorelibs."""

import hashlib
import importlib.util
import shutil
import subprocess
from pathlib import Path

from bench.host import BenchError

HERE = Path(__file__).parent
BUILD = HERE / "build"
BUILD_S = 120.0
LIBRARIES = {
    "caload": ("ca", "Com"),
    "base_ioc": ("dbRecStd", "dbCore", "ca", "Com"),
}
SOURCES = {"caload": HERE / "caload.c", "base_ioc": HERE / "peers" / "base_ioc.c"}


def epics() -> Path:
    """The folder of epicscorelibs with lib, include and dbd. Raises BenchError."""
    spec = importlib.util.find_spec("epicscorelibs")
    if spec is None or spec.origin is None:
        raise BenchError(
            "the package epicscorelibs is missing; `make bench` installs it, or "
            "`pip install --group bench`"
        )
    return Path(spec.origin).parent


def program(name: str) -> Path:
    """The program "caload" or "base_ioc", compiled if its source is new.

    Raises BenchError without a compiler, or with the compiler's words.
    """
    folder = epics()
    command = _command(name, folder)
    digest = hashlib.sha256(SOURCES[name].read_bytes() + " ".join(command).encode())
    path = BUILD / f"{name}-{digest.hexdigest()[:12]}"
    if path.exists():
        return path
    if shutil.which("gcc") is None:
        raise BenchError(
            f"{name} has to be compiled and gcc is missing; install it (Debian: "
            "apt-get install gcc libc6-dev; Fedora, Rocky: dnf install gcc)"
        )
    BUILD.mkdir(exist_ok=True)
    unfinished = path.with_suffix(".new")
    done = subprocess.run(
        [*command, "-o", str(unfinished)],
        check=False,
        capture_output=True,
        text=True,
        timeout=BUILD_S,
    )
    if done.returncode:
        raise BenchError(f"gcc cannot compile {SOURCES[name].name}:\n{done.stderr}")
    unfinished.rename(path)
    return path


def _command(name: str, folder: Path) -> list[str]:
    include, lib = folder / "include", folder / "lib"
    return [
        "gcc",
        "-std=gnu11",
        "-O2",
        *(f"-I{include / part}" for part in ("", "os/Linux", "compiler/gcc")),
        str(SOURCES[name]),
        f"-L{lib}",
        f"-Wl,-rpath,{lib}",
        "-Wl,--no-as-needed",
        *(f"-l{library}" for library in LIBRARIES[name]),
        "-lpthread",
        "-lm",
    ]
