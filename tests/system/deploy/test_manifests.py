"""The image's recipe and the values of deploy/container, by others' checkers."""

import subprocess
from pathlib import Path
from typing import Any

import ioc_instance
import yaml

from tests.tools import need

ROOT = Path(__file__).parents[3]
CONTAINER = ROOT / "deploy/container"
VERSION = "1.33.0"


def values() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((CONTAINER / "values.yaml").read_text())
    return loaded


def manifests() -> list[dict[str, Any]]:
    return ioc_instance.rendered(
        values(), "bl99x-ea-ioc-01", {"ioc.toml": "prefix = 1"}
    )


def validated(documents: list[dict[str, Any]], file: Path) -> tuple[int, str]:
    file.write_text(yaml.safe_dump_all(documents))
    done = subprocess.run(
        [need("kubernetes-validate"), "-k", VERSION, "--strict", file],
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def test_hadolint_finds_nothing() -> None:
    done = subprocess.run(
        [need("hadolint"), CONTAINER / "Dockerfile"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_manifests_are_valid(tmp_path: Path) -> None:
    code, words = validated(manifests(), tmp_path / "good.yaml")
    assert code == 0, words


def test_the_check_is_strict(tmp_path: Path) -> None:
    wrong = manifests()
    (container,) = wrong[1]["spec"]["template"]["spec"]["containers"]
    container["livenessProbe"]["timeOutSeconds"] = 10
    code, words = validated(wrong, tmp_path / "wrong.yaml")
    assert code != 0
    assert "timeOutSeconds" in words


def test_the_scripts_that_are_called_are_in_the_image() -> None:
    recipe = (CONTAINER / "Dockerfile").read_text()
    (container,) = manifests()[1]["spec"]["template"]["spec"]["containers"]
    called = {
        "start.sh": container["args"],
        "stop.sh": container["lifecycle"]["preStop"]["exec"]["command"],
        "liveness.sh": container["livenessProbe"]["exec"]["command"],
    }
    for name, command in called.items():
        assert command[-1] == f"/epics/ioc/{name}"
        assert f"deploy/container/ioc/{name}" in recipe
        assert (CONTAINER / "ioc" / name).stat().st_mode & 0o111


def test_what_is_written_has_a_place_and_the_user_is_nobody_special() -> None:
    pod = manifests()[1]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    env = {each["name"]: each["value"] for each in container["env"]}
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert env["STATE_DIRECTORY"] in mounts
    assert str(Path(env["RUNTIME_DIRECTORY"]).parent) in mounts


def test_no_limit_of_cpu_ever_acts() -> None:
    """The chart has one of its own, 500m, which a values file without one keeps."""
    (container,) = manifests()[1]["spec"]["template"]["spec"]["containers"]
    limits = container["resources"]["limits"]
    assert int(limits["cpu"]) >= 64  # cores; "500m" is no number
    assert limits["memory"] == "512Mi"
