"""sswd.testing's daemon tells at once what went wrong with it."""

import time

import pytest

from sswd.testing import DaemonError, running_daemon


@pytest.mark.timing
def test_a_daemon_that_ends_is_not_waited_for() -> None:
    begun_s = time.monotonic()
    wrong = 'prefix = "@"\n[system.main]\nno_such_key = 1\n'
    with (
        pytest.raises(DaemonError, match=r"(?s)when the IOC ended.*no_such_key"),
        running_daemon(config=wrong),
    ):
        pass
    assert time.monotonic() - begun_s < 10
