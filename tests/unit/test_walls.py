"""What a linter cannot see: which modules really get loaded, in a fresh interpreter.

Who may import whom is in [tool.importlinter] of pyproject.toml; `make lint` checks it.
"""

import ast
import graphlib
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

IOC_LIBRARIES = {"caproto", "asyncio", "psutil"}
IOC_ONLY = IOC_LIBRARIES | {"sswd.ioc"}
HEAVY = IOC_LIBRARIES | {"numpy", "multiprocess", "msgspec"}
PURE = HEAVY | {"logging", "threading"}


def loaded_by(statement: str) -> set[str]:
    """Every module that is there after `statement`, with its packages."""
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import sswd", HEAVY | {"sswd.ioc", "sswd.worker"}),
        ("import sswd.cli", IOC_ONLY | {"multiprocess", "sswd.worker"}),
        ("from sswd import System, Aborted, every", IOC_ONLY | {"multiprocess"}),
        ("from sswd import SequenceSystem", IOC_ONLY | {"multiprocess"}),
        ("import sswd.worker.main", IOC_ONLY),
        ("import sswd.pipe.launch", IOC_ONLY),
        ("import sswd.demo.system", IOC_ONLY),
        ("import sswd.demo.stages", IOC_ONLY),
        ("import sswd.ioc", HEAVY),
        ("import sswd.ioc.template", {"sswd.worker", "sswd.demo"}),
        ("import sswd.ioc.daemon.service", {"sswd.worker", "sswd.demo"}),
        ("import sswd.ioc.supervision.lifecycle", PURE),
        ("import sswd.ioc.supervision.backoff", PURE),
        ("import sswd.ioc.pvs.alarm_priority", PURE - {"msgspec"}),
        ("import sswd.ioc.pvs.value_rules", PURE - {"msgspec"}),
        ("import sswd.ioc.commands.ledger", IOC_LIBRARIES | {"multiprocess", "numpy"}),
        ("import sswd.testing", IOC_ONLY - {"asyncio"}),
    ],
)
def test_what_is_not_loaded(statement, absent):
    loaded = loaded_by(statement)
    assert "sswd" in loaded
    assert loaded & absent == set()


def test_the_guard_needs_nothing_but_the_standard_library():
    """It is started with -I -S: neither site-packages nor ours are to be found."""
    from sswd import guard

    code = (
        "import runpy, sys; sys.stdin = open('/dev/null')\n"
        f"runpy.run_path({guard.__file__!r}, run_name='__main__')\n"
        "print('\\n'.join(m for m in sys.modules if m.startswith('sswd')))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_an_unknown_public_name_is_an_attribute_error():
    import sswd
    import sswd.ioc

    for module in (sswd, sswd.ioc):
        with pytest.raises(AttributeError, match="nonsense"):
            module.nonsense  # noqa: B018


def test_every_public_name_is_there():
    import sswd

    for name in sswd.__all__:
        assert getattr(sswd, name) is not None


def test_every_package_of_ours_has_its_place_in_the_layers():
    """As import-linter's `exhaustive` has it, also where no linter is installed."""
    root = Path(__file__).parents[2]
    pyproject = root / "pyproject.toml"
    if not pyproject.exists():
        pytest.skip("the tests run without their tree")
    contracts = tomllib.loads(pyproject.read_text())["tool"]["importlinter"]
    layers = contracts["contracts"][0]["layers"]
    placed = {name.strip() for layer in layers for name in layer.split("|")}
    import sswd

    there = {
        path.stem
        for path in Path(sswd.__file__).parent.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert placed == there - {"__init__"}


def modules_of(package: Path) -> dict[str, Path]:
    """Every module below a package, and itself, by its dotted name."""
    found = {}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imports_of(tree: ast.AST, modules: set[str]) -> Iterator[str]:
    """The modules that an import statement anywhere in `tree` names: also those in
    functions and those that only a type checker follows."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module in modules:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in modules else node.module


def circle_in(imports: dict[str, set[str]]) -> list[str]:
    """One circle of modules, or none."""
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def test_no_module_imports_itself_in_a_circle():
    import sswd

    modules = modules_of(Path(sswd.__file__).parent)
    imports = {
        name: set(imports_of(ast.parse(path.read_text()), set(modules)))
        for name, path in modules.items()
    }
    assert len(imports) > 100
    assert imports["sswd.ioc.ca.server.context"] > {"sswd.ioc.ca.circuit.handlers"}
    assert circle_in(imports) == []


def test_a_circle_that_only_a_type_checker_sees_is_found():
    sources = {
        "a": "from b import x",
        "b": "def f():\n    import c",
        "c": "if TYPE_CHECKING:\n    from a import y",
        "d": "import a",
    }
    imports = {
        name: set(imports_of(ast.parse(text), set(sources)))
        for name, text in sources.items()
    }
    assert set(circle_in(imports)) == {"a", "b", "c"}
