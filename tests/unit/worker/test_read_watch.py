"""Which PVs a method reads, and what is told of them."""

from sswd.pipe.protocol import ReadState
from sswd.worker.read_watch import ReadWatch


def called(watch, pvs, *, at_s=0.0, took_s=0.01):
    watch.begin(at_s)
    watch.posted(pvs)
    return watch.worked(at_s + took_s)


def test_what_good_calls_post_is_marked_by_a_failure():
    watch = ReadWatch("read", 1.0, ["NAMED"])
    assert called(watch, ["A", "B"]) is None
    watch.begin(1.0)
    watch.posted(["HALF"])
    assert watch.failed("E: x") == ReadState("read", "E: x", ["NAMED", "A", "B"])
    assert watch.is_failing


def test_the_same_words_are_told_once():
    watch = ReadWatch("read", 1.0)
    watch.begin(0.0)
    assert watch.failed("E: x") is not None
    watch.begin(1.0)
    assert watch.failed("E: x") is None
    watch.begin(2.0)
    assert watch.failed("E: y") is not None


def test_a_success_ends_all_marks():
    watch = ReadWatch("read", 1.0)
    called(watch, ["A", "B"])
    watch.begin(1.0)
    watch.failed("E: x")
    assert called(watch, ["A", "C"]) == ReadState(
        "read", "", ["A", "B", "C"], ["A", "C"]
    )
    assert not watch.is_failing
    assert called(watch, ["A"]) is None


def test_a_call_is_told_late_once():
    watch = ReadWatch("read", 1.0)
    watch.begin(0.0)
    assert watch.late_s(2.9) is None
    assert watch.late_s(3.1) == 3.1
    assert watch.late_s(9.0) is None
    watch.worked(9.0)
    assert watch.late_s(20.0) is None


def test_a_method_that_always_takes_long_marks_nothing():
    watch = ReadWatch("read", 0.1)
    called(watch, ["A"], took_s=2.0)
    watch.begin(10.0)
    assert watch.overdue(15.9) is None
    told = watch.overdue(16.1)
    assert told.pvs == ["A"]
    assert "has not returned for 6.1 s" in told.words
    assert watch.overdue(17.0) is None
    assert watch.worked(18.0) == ReadState("read", "", ["A"], [])
