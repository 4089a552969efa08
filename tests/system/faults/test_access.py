"""Who may do what: by address, by user, by a PV's value, and while somebody has locked
the system; at clients that stay connected while it changes."""

import fnmatch
import getpass
import itertools
import json
import os
import re
import shlex
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aioca
import pytest
from ca_raw import ACCESS_RIGHTS, CLIENT_NAME, ERROR, RawClient, message
from client import Client, ca_port
from control import found_here, good, sswd, status
from daemon import until
from served import served

from sswd.testing import Daemon, child_env

DRIVERS = Path(__file__).parents[1] / "drivers"
PAGE = Path(__file__).parents[3] / "docs/how-to/access.md"
READ, WRITE = 1, 2
BOTH = READ | WRITE
NORMAL, NORDACCESS, NOWTACCESS = 1, 368, 376
CONSOLE, HUTCH = "127.0.0.1", "127.0.0.2"
ME = getpass.getuser()
ACF = f"""
UAG(experts) {{ "{ME}", ben }}
HAG(console) {{ localhost }}
ASG(DEFAULT) {{
    RULE(1, READ)
    RULE(1, WRITE, TRAPWRITE) {{ UAG(experts) HAG(console) }}
}}
ASG(GATED) {{
    INPA("$(P)DOUBLED")
    RULE(1, READ)
    RULE(1, WRITE) {{ CALC("A=1") }}
}}
ASG(SECRET) {{ RULE(1, READ) {{ HAG(console) }} }}
ASG(RESTART) {{ RULE(1, READ) }}
ASG(UNLOCK) {{ RULE(1, WRITE) {{ HAG(console) UAG(experts) }} }}
"""
TOML = """
prefix = "@"
[access]
file = "FOLDER/site.acf"
macros = { P = "PREFIX" }
[audit]
file = "FOLDER/puts.jsonl"
burst_s = 0
[system.s]
target = "gated:Gated"
[system.s.pvs]
NUMBER = { type = "float", writable = true, limits = [0.0, 1000.0] }
MODE = { type = "enum", strings = ["off", "slow"], writable = true, asg = "GATED" }
LABEL = { type = "str", asg = "SECRET" }
DOUBLED = { type = "float" }
[system.s.motors.AXIS]
object = "axis"
idle_poll_s = 600.0
"""
QUIET = (
    *("NUMBER", "NUMBER.HIHI", "MODE", "CMD", "CMD_ID", "CMD_STATE", "CMD_ERROR"),
    *("CMD_TIME", "ACK", "BUSY", "QUEUE_LEN", "WORKER:LAST_ERROR", "WORKER:REFUSED"),
    *("AXIS", "AXIS.DMOV", "AXIS.SEVR", "AXIS.STOP"),
)
"""PVs that nothing but a put makes an event of."""
_prefixes = (f"ACF{os.getpid()}:{number}:" for number in itertools.count())


class Site(NamedTuple):
    """A daemon with rules."""

    daemon: Daemon
    folder: Path

    def pv(self, name: str) -> str:
        return self.daemon.prefix + name

    def lines(self, pv: str) -> list[dict[str, Any]]:
        """The audit log's lines about a PV."""
        path = self.folder / "puts.jsonl"
        text = path.read_text() if path.exists() else ""
        found = [json.loads(line) for line in text.splitlines()]
        return [line for line in found if line["pv"] == self.pv(pv)]

    def rule(self, text: str) -> None:
        (self.folder / "site.acf").write_text(text)


@pytest.fixture(scope="module")
def site(
    session_client: Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("access")
    (folder / "site.acf").write_text(ACF)
    prefix = next(_prefixes)
    config = TOML.replace("FOLDER", str(folder)).replace("PREFIX", prefix)
    with served(
        config, session_client, systems=(), folder=DRIVERS, prefix=prefix
    ) as daemon:
        daemon.wait_for("WORKER:STATE", "RUNNING", timeout_s=60)
        with found_here(daemon):
            yield Site(daemon, folder)


@contextmanager
def raw(user: str = ME, address: str = CONSOLE) -> Iterator[RawClient]:
    client = RawClient(user=user)
    client.sock.bind((address, 0))
    try:
        yield client
    finally:
        client.close()


async def told(client: RawClient, rights: int) -> None:
    """The server tells of these rights, without being asked."""
    got = await client.receive_until(ACCESS_RIGHTS)
    assert got.p2 == rights


def is_writable(client: Client, pv: str) -> bool:
    return bool(client._run(aioca.cainfo(pv), 10.0).write)


async def put(client: RawClient, channel: Any, value: float) -> int:
    """The status of a put with callback of a double, or the error's."""
    got = await client.put(channel, struct.pack("!d", value), dtype=6)
    return got.p1


@pytest.mark.row(38)
@pytest.mark.parametrize(
    ("user", "address"), [(ME, HUTCH), ("eve", CONSOLE), ("eve", HUTCH)]
)
async def test_who_may_not_write_is_told_and_recorded_once(
    site: Site, client: Client, user: str, address: str
) -> None:
    before = len(site.lines("NUMBER"))
    with raw(user, address) as stranger:
        await stranger.connect(ca_port())
        number = await stranger.create(site.pv("NUMBER"))
        assert number.rights == READ
        assert await put(stranger, number, 5.0) == NOWTACCESS
        until(lambda: len(site.lines("NUMBER")) > before, "an audit line")
        [line] = site.lines("NUMBER")[before:]
        assert (line["fate"], line["new"]) == ("DENIED", 5.0)
        assert (line["user"], line["host"]) == (user, "testhost")
        assert line["address"] == address
        gate = await stranger.create(site.pv("ABORT"))
        assert (gate.rights, await put(stranger, gate, 1.0)) == (READ, NOWTACCESS)
    assert client.put(site.pv("NUMBER"), 1.0), "who may, may"
    until(lambda: len(site.lines("NUMBER")) == before + 2, "TRAPWRITE")


@pytest.mark.row(38)
async def test_a_denied_put_changes_nothing(site: Site, client: Client) -> None:
    """Neither value, alarm nor time of any PV, field or counter of the system."""
    client.wait_for(site.pv("AXIS.DMOV"), 1)
    assert client.put(site.pv("NUMBER"), 1.0)
    with raw(address=HUTCH) as stranger:
        await stranger.connect(ca_port())
        channels = [
            await stranger.create(site.pv(name))
            for name in ("NUMBER", "NUMBER.HIHI", "MODE", "CMD", "AXIS", "AXIS.STOP")
        ]
        before = {name: as_seen(client, site.pv(name)) for name in QUIET}
        for channel in channels:
            assert await put(stranger, channel, 1.0) == NOWTACCESS
        await stranger.put(channels[0], struct.pack("!d", 1.0), 6, notify=False)
        assert (await stranger.receive_until(ERROR)).p2 == NOWTACCESS
    assert {name: as_seen(client, site.pv(name)) for name in QUIET} == before
    assert client.put(site.pv("NUMBER"), 1.0), "and what follows is the next command"
    number = int(before["CMD_ID"][0])
    assert client.get(site.pv("CMD_ID")) == number + 1


def as_seen(client: Client, pv: str) -> tuple[Any, ...]:
    """What would be others' after an event of the PV."""
    seen = client._run(aioca.caget(pv, format=aioca.FORMAT_TIME), 10.0)
    return (str(seen), seen.timestamp, seen.severity, seen.status)


@pytest.mark.row(38)
async def test_another_name_after_connecting_changes_nothing(site: Site) -> None:
    with raw("eve") as stranger:
        await stranger.connect(ca_port())
        assert (await stranger.create(site.pv("NUMBER"))).rights == READ
        await stranger.send(message(CLIENT_NAME, body=b"ben\0"))
        await stranger.receive_until(ERROR)
        number = await stranger.create(site.pv("NUMBER"))
        assert number.rights == READ
        assert await put(stranger, number, 5.0) == NOWTACCESS
    with raw("ben") as known:
        await known.connect(ca_port())
        assert (await known.create(site.pv("NUMBER"))).rights == BOTH
        assert (await known.create(site.pv("NUMBER.MDEL"))).rights == BOTH
        restart = await known.create(site.pv("WORKER:RESTART"))
        assert restart.rights == READ, "an ASG of its own"
        assert await put(known, restart, 1.0) == NOWTACCESS


@pytest.mark.row(38)
async def test_what_may_not_be_read_is_not(site: Site) -> None:
    with raw(address=HUTCH) as stranger:
        await stranger.connect(ca_port())
        label = await stranger.create(site.pv("LABEL"))
        assert label.rights == 0
        assert (await stranger.get(label)).p1 == NORDACCESS
        await stranger.monitor(label)
        assert (await stranger.receive_until(1)).p1 == NORDACCESS


def test_the_pages_commands(site: Site) -> None:
    [page] = re.findall(
        r"^```console\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    told = ""
    for line in page.replace("LAB:STAGE1:", site.pv("")).splitlines():
        if line.startswith("$ sswd "):
            words = shlex.split(line.removeprefix("$ sswd "))
            told = sswd(*words)[1] if words == ["status"] else good(*words)
        else:
            assert fnmatch.filter(told.splitlines(), line), (line, told)


async def test_rights_follow_a_pv(site: Site, client: Client) -> None:
    """Told to clients that are connected: a bare one, and libca behind aioca."""
    mode, gate = site.pv("MODE"), site.pv("NUMBER")
    assert client.put(gate, 0.0)
    with raw(address=HUTCH) as far:
        await far.connect(ca_port())
        channel = await far.create(mode)
        assert channel.rights == READ
        assert not is_writable(client, mode)
        before = len(site.lines("MODE"))
        assert client.put(gate, 0.5), "which posts DOUBLED = 1"
        await told(far, BOTH)
        until(lambda: is_writable(client, mode), "libca is told")
        assert await put(far, channel, 1.0) == NORMAL
        assert client.put(gate, 1.0)
        await told(far, READ)
        until(lambda: not is_writable(client, mode), "libca is told")
        assert await put(far, channel, 1.0) == NOWTACCESS
        until(lambda: len(site.lines("MODE")) > before, "the denial")
        fates = [line["fate"] for line in site.lines("MODE")[before:]]
        assert fates == ["DENIED"], "a rule without TRAPWRITE is not recorded"


@pytest.mark.row(57)
async def test_a_lock_keeps_others_out_and_ends_with_its_owner(
    site: Site, client: Client
) -> None:
    number, lock = site.pv("NUMBER"), site.pv("LOCK")
    assert client.put(number, 1.0)
    with raw("ben") as far:
        await far.connect(ca_port())
        mine = await far.create(number)
        owner = await far.create(lock)
        got = await far.put(owner, b"aligning".ljust(40, b"\0"), dtype=0)
        assert got.p1 == NORMAL
        for name, text in (
            ("LOCK", "aligning"),
            ("LOCK_NOTE", "aligning"),
            ("LOCK_OWNER", "ben"),
            ("LOCK_HOST", CONSOLE),
        ):
            assert client.get(site.pv(name)) == text
        words = f"locked by ben@{CONSOLE}: aligning"
        assert status()["systems"][0]["lock"] == words
        assert words in sswd("status")[1]
        assert await put(far, mine, 2.0) == NORMAL
        assert not is_writable(client, number)
        assert not is_writable(client, site.pv("CMD"))
        assert is_writable(client, lock), "may break it"
        code, _, err = sswd("call", number, "3.0")
        assert code == 1
        assert words in err
        with raw("eve") as stranger:
            await stranger.connect(ca_port())
            assert (await stranger.create(lock)).rights == READ
    until(lambda: client.get(lock) == "", "the lock is free")
    until(lambda: is_writable(client, number), "rights come back")
    assert client.get(site.pv("LOCK_OWNER")) == ""
    assert "its owner has disconnected" in site.daemon.log


@pytest.mark.row(57)
async def test_a_lock_is_broken_by_who_may(site: Site, client: Client) -> None:
    lock = site.pv("LOCK")
    with raw("ben") as far:
        await far.connect(ca_port())
        mine = await far.create(site.pv("NUMBER"))
        owner = await far.create(lock)
        await far.put(owner, b"mine".ljust(40, b"\0"), dtype=0)
        assert client.put(lock, "urgent"), "takes it over"
        await told(far, READ)
        before = len(site.lines("NUMBER"))
        assert await put(far, mine, 2.0) == NOWTACCESS
        until(lambda: len(site.lines("NUMBER")) > before, "the denial")
        assert f"locked by {ME}@" in site.lines("NUMBER")[-1]["error"]
        good("call", lock, "")
        assert client.get(lock) == ""
        good("call", lock, "maintenance")
        assert client.get(site.pv("LOCK_HOST")) == "local"
        good("call", site.pv("NUMBER"), "4.0")
        good("call", lock, "")


@pytest.mark.row(57)
async def test_a_bad_file_changes_nothing_and_a_good_one_is_told(
    site: Site, client: Client
) -> None:
    runs = client.get(site.pv("WORKER:RUN"))
    with raw("eve") as stranger:
        await stranger.connect(ca_port())
        number = await stranger.create(site.pv("NUMBER"))
        for torn in (ACF[: ACF.index("ASG(GATED)") + 30], "", ACF + "ASG(MORE) {"):
            site.rule(torn)
            code, _, err = sswd("reload")
            assert code == 1
            assert "nothing changes" in err
            assert "site.acf: line" in err
        assert await put(stranger, number, 5.0) == NOWTACCESS
        assert is_writable(client, site.pv("NUMBER"))
        assert client.get(site.pv("WORKER:RUN")) == runs
        site.rule(ACF.replace(", ben", ", ben, eve"))
        words = good("reload")
        assert words == "s: only access has changed: no worker is restarted\n"
        await told(stranger, BOTH)
        assert await put(stranger, number, 5.0) == NORMAL
        toml = site.daemon.folder / "sswd.toml"
        before = toml.read_text()
        assert not is_writable(client, site.pv("MODE"))
        toml.write_text(before.replace('asg = "GATED"', 'asg = "SHUT"'))
        site.rule(ACF.replace("ASG(GATED)", "ASG(SHUT)"))
        assert good("reload") == words, "the group of a PV is taken at once"
        await told(stranger, READ)
        assert not is_writable(client, site.pv("MODE"))
        toml.write_text(before)
        nobody = "x" * 64  # no name server is asked for it
        site.rule(ACF.replace("localhost", f"localhost, {nobody}"))
        good("reload")
        assert f"no address of {nobody} in a HAG" in str(status()["wrong"])
        site.rule(ACF)
        good("reload")
    assert client.get(site.pv("WORKER:RUN")) == runs
    good("reload")
    assert client.get(site.pv("WORKER:RUN")) == runs + 1, "fresh code"


def test_a_group_that_the_file_does_not_have_is_told(
    site: Site, tmp_path: Path
) -> None:
    words = "SPARE: its class says ASG(NOWHERE), which {} does not have: DEFAULT counts"
    pv, file = site.pv(""), site.folder / "site.acf"
    assert f"{pv}{words.format(file)}" in site.daemon.log
    toml = tmp_path / "site.toml"
    text = TOML.replace("@", "X:").replace("FOLDER", str(tmp_path))
    toml.write_text(text.replace("PREFIX", "X:"))
    (tmp_path / "site.acf").write_text(ACF)
    checked = subprocess.run(
        [sys.executable, "-m", "sswd", "check", toml],
        env=child_env({"PYTHONPATH": str(DRIVERS)}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert checked.returncode == 0, checked.stderr
    assert f"X:{words.format(tmp_path / 'site.acf')}" in checked.stderr
    toml.write_text(toml.read_text().replace('asg = "GATED"', 'asg = "GATE"'))
    assert sswd("check", str(toml))[0] == 78
