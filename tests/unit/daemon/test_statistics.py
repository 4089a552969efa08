"""No client can change anything under IOC:, nor the fields of its records."""

import pytest
from caproto import AccessRights

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


def test_the_update_period_is_one_of_them():
    assert RECORDS["X:IOC:UPD_TIME"].value == 15.0
    assert "X:IOC:SYSRESET" not in RECORDS


@pytest.mark.parametrize("error", [statistics.psutil.NoSuchProcess(1), OSError()])
def test_where_they_cannot_be_measured_there_are_none(monkeypatch, error):
    def fail(**_):
        raise error

    monkeypatch.setattr(statistics, "StatusHelper", fail)
    assert caproto_statistics("X:IOC:") == {}
