"""Row 19: HUP reads the file again, and a bad one changes nothing."""

import os
import signal

import pytest
from client import Client
from control import found_here, good, sswd
from daemon import until
from served import served

CONFIG = """
prefix = "@"
[system.main]
target = "surrounded:Surrounded"
args = { word = "${WORD:-first}" }
cwd = "place"
nice = 3
cpus = [CPU]
env = { COLOUR = "red" }
"""
CPU = max(os.sched_getaffinity(0))


@pytest.mark.row(19)
def test_hup_reads_the_file_again(client: Client) -> None:
    config = CONFIG.replace("CPU", str(CPU))
    with served(config, client, systems=()) as daemon:
        file, prefix = daemon.folder / "sswd.toml", daemon.prefix
        text = file.read_text()

        def rewrite(words: str, old: str, new: str) -> None:
            """Change the file, HUP, and wait for words in the log."""
            assert old in text
            seen = daemon.log.count(words)
            file.write_text(text.replace(old, new))
            daemon.process.send_signal(signal.SIGHUP)
            until(lambda: daemon.log.count(words) > seen, words, 20.0)

        # The directory is not there yet.
        daemon.wait_for("WORKER:STATE", "BACKOFF", timeout_s=20.0)
        assert "cwd = " in client.get(prefix + "WORKER:LAST_EXIT")
        place = daemon.folder / "place"
        place.mkdir()
        client.wait_for(prefix + "WORKER:STATE", "RUNNING", timeout_s=20.0)
        assert client.get(prefix + "WORD") == "first"
        told = f"{place} 3 [{CPU}] True red"
        client.wait_for(prefix + "PLACE", told)

        run = client.get(prefix + "WORKER:RUN")
        rewrite("nothing changes", "nice = 3", "nise = 3")
        assert "unknown key 'nise'; did you mean 'nice'" in daemon.log
        assert client.get(prefix + "WORKER:RUN") == run
        wrong = "WRONG  IOC: not reloaded, nothing changes: "
        with found_here(daemon):
            until(lambda: wrong in sswd("status")[1], wrong)
            assert sswd("status")[0] == 3

        text = text.replace("nice = 3", 'nice = 4\npvs.MORE = { type = "int" }')
        rewrite("waits for a restart of the daemon", "first", "second")
        assert "of the daemon: system.main.pvs" in daemon.log
        waits = "  waits    for a restart of the daemon: system.main.pvs\n"
        with found_here(daemon):
            until(lambda: waits in sswd("status")[1], waits)
            assert wrong not in sswd("status")[1]
        assert "changed with the configuration: system.main.args, " in daemon.log
        client.wait_for(prefix + "WORD", "second", timeout_s=20.0)
        client.wait_for(prefix + "PLACE", told.replace(" 3 ", " 4 "), timeout_s=20.0)
        assert client.get(prefix + "WORKER:RUN") == run + 1

        # The worker of the first of these two is not used: it is out of date.
        text = text.replace("first", "second")
        rewrite("changed with the configuration: ", "second", "third")
        text = text.replace("second", "third")
        rewrite("changed with the configuration: ", "third", "fourth")
        client.wait_for(prefix + "WORD", "fourth", timeout_s=20.0)
        with found_here(daemon):
            lines = good("reload").splitlines()
        assert lines[0] == "waits for a restart of the daemon: system.main.pvs"
        assert lines[1].startswith("main: RUNNING, run ")
