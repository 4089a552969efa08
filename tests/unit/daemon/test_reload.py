"""A configuration that is read again: what of it holds, waits, or is refused."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sswd.access import READ, WRITE
from sswd.config import from_dict
from sswd.config.keys import Config
from sswd.ioc.daemon import reading
from sswd.ioc.daemon.access import AccessControl
from sswd.ioc.daemon.composed import compose
from sswd.ioc.daemon.reload import Reloader

ACF = """
ASG(DEFAULT) {{ RULE(1,READ) RULE(1,WRITE) }}
ASG({}) {{ RULE(1,READ) }}
"""


class Site(NamedTuple):
    """A daemon that serves nothing yet; its configuration may be written anew."""

    folder: Path
    table: dict[str, Any]
    access: AccessControl
    reloader: Reloader
    gates: list[threading.Event]
    """What reads the configuration waits for the last one."""

    def rights(self, pv: str) -> int:
        return self.access.granted(Somebody(), pv, None).rights  # type: ignore[arg-type]

    def group_is(self, name: str) -> None:
        (self.folder / "site.acf").write_text(ACF.format(name))


class Somebody:
    user, host, address = "eve", "claimed", ("10.0.0.5", 5000)


def table(asg: str | None) -> dict[str, Any]:
    x = {"type": "float", "writable": True, "asg": asg}
    return {
        "access": {"file": "site.acf"},
        "system": {
            "one": {
                "target": "a:B",
                "prefix": "ONE:",
                "pvs": {"X": x},
                "motors": {"M": {"asg": asg}},
            },
            "two": {"target": "a:B", "prefix": "TWO:", "asg": asg},
        },
    }


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    given = table("OLD")
    (tmp_path / "site.acf").write_text(ACF.format("OLD"))
    config = read(given)
    composed = compose(config, tmp_path)
    servers = composed.servers
    access = AccessControl(config, tmp_path, servers, composed.pvdb)
    gates = [threading.Event()]
    gates[0].set()

    def read_again() -> Config:
        assert gates[-1].wait(60.0)
        return read(given)

    reloader = Reloader(config, read_again, servers, access)
    yield Site(tmp_path, given, access, reloader, gates)
    for gate in gates:
        gate.set()
    composed.guardian.close()


def read(given: dict[str, Any]) -> Config:
    return from_dict(given, "test")


PROTECTED = ("ONE:X", "ONE:M", "ONE:M.VELO", "TWO:CMD")


async def test_groups_of_pvs_and_motors_change_at_once(site: Site) -> None:
    """Else a PV would keep a group that is gone, and DEFAULT would open it."""
    assert [site.rights(pv) for pv in PROTECTED] == [READ] * 4
    site.group_is("NEW")
    site.table.update(table("NEW"))
    became = await site.reloader.reloaded()
    assert (became.refusal, became.restarts) == ("", False)
    assert [site.rights(pv) for pv in PROTECTED] == [READ] * 4
    site.table.update(table(None))
    await site.reloader.reloaded()
    assert [site.rights(pv) for pv in PROTECTED] == [READ | WRITE] * 4


@pytest.mark.parametrize(
    ("key", "gone"),
    [
        ("system.two.asg", lambda table: table["system"].pop("two")),
        ("system.one.pvs.X.asg", lambda table: table["system"]["one"].pop("pvs")),
        ("system.one.motors.M.asg", lambda table: table["system"]["one"].pop("motors")),
    ],
)
async def test_what_is_served_still_keeps_its_group(
    site: Site, key: str, gone: Any
) -> None:
    site.table.update(table("NEW"))
    gone(site.table)
    site.group_is("NEW")
    became = await site.reloader.reloaded()
    assert f"{key}: " in became.refusal
    assert "ASG(OLD), which site.acf does not have" in became.refusal
    assert [site.rights(pv) for pv in PROTECTED] == [READ] * 4


async def test_what_waits_is_told_until_it_does_no_longer(site: Site) -> None:
    site.table["prefix"] = "P:"
    site.table["system"]["three"] = {"target": "a:B", "prefix": "THREE:"}
    assert (await site.reloader.reloaded()).waits == ("system.three", "prefix")
    site.group_is("OTHER")
    became = await site.reloader.reloaded()
    assert became.refusal
    assert became.waits == ("system.three", "prefix")
    assert site.reloader.became is became
    site.group_is("OLD")
    site.table.update(table("OLD"))
    del site.table["prefix"]
    assert (await site.reloader.reloaded()).waits == ()


async def test_a_reading_that_hangs_keeps_no_later_one(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.gates.append(threading.Event())
    monkeypatch.setattr(reading, "READ_S", 0.02)
    became = await site.reloader.reloaded()
    assert "not read after 0.02 s" in became.refusal
    assert not became.restarts
    monkeypatch.setattr(reading, "READ_S", 60.0)
    site.gates.append(site.gates[0])
    assert (await site.reloader.reloaded()).refusal == ""


async def test_not_more_threads_than_a_few_hang(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.gates.append(threading.Event())
    monkeypatch.setattr(reading, "READ_S", 0.0)
    for _ in range(reading.MAX_HUNG):
        assert "not read after" in (await site.reloader.reloaded()).refusal
    assert "hang: a disk" in (await site.reloader.reloaded()).refusal


async def test_an_access_file_that_is_none_is_not_waited_for(site: Site) -> None:
    (site.folder / "site.acf").unlink()
    os.mkfifo(site.folder / "site.acf")
    assert "site.acf is no file" in (await site.reloader.reloaded()).refusal
