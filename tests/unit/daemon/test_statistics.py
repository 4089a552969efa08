"""No client can change anything under IOC:, nor the fields of its records."""

import asyncio
import socket

import pytest
from caproto import AccessRights

from sswd.ioc.ca import Counts
from sswd.ioc.daemon import statistics
from sswd.ioc.daemon.statistics import Statistics, caproto_statistics

RECORDS = {**caproto_statistics("X:IOC:"), **Statistics(prefix="X:IOC:").pvdb}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_and_its_fields_are_read_only(name):
    record = RECORDS[name]
    assert record.get_field("VAL") is record
    assert record.get_field("DESC") is not None  # ours are made when asked for
    writable = [
        field
        for field, data in {"VAL": record, **record.fields}.items()
        if data.check_access("host", "user") != AccessRights.READ
    ]
    assert writable == []


@pytest.mark.parametrize("name", RECORDS)
def test_every_description_is_true(name):
    words = " ".join((RECORDS[name].__doc__ or "").split())
    assert "not implemented" not in words
    assert "abomination" not in words
    assert name.removeprefix("X:IOC:") not in (
        *("ACCESS", "START_CNT", "SUSP_TASK_CNT", "APP_DIR", "SOURCE_FILE"),
    )


async def test_what_is_known_by_names_of_dev_ioc_stats(monkeypatch):
    monkeypatch.setattr(statistics, "PERIOD_S", 0.01)
    measured = Statistics(prefix="X:IOC:")
    measured.counts, measured.records = Counts(), lambda: 40
    measured.counts.connections, measured.counts.channels = 2, 30
    measuring = asyncio.create_task(measured.LOOP_LAG.startup(measured, None))
    async with asyncio.timeout(10):
        while not measured.CA_CONN_CNT.value:
            await asyncio.sleep(0.01)
    measuring.cancel()
    assert measured.CA_CLNT_CNT.value == 2
    assert measured.CA_CONN_CNT.value == 30
    assert measured.RECORD_CNT.value == 40
    assert measured.HOSTNAME.value == socket.gethostname()


def test_the_update_period_is_one_of_them():
    assert RECORDS["X:IOC:UPD_TIME"].value == 15.0
    assert "X:IOC:SYSRESET" not in RECORDS


@pytest.mark.parametrize("error", [statistics.psutil.NoSuchProcess(1), OSError()])
def test_where_they_cannot_be_measured_there_are_none(monkeypatch, error):
    def fail(**_):
        raise error

    monkeypatch.setattr(statistics, "StatusHelper", fail)
    assert caproto_statistics("X:IOC:") == {}
