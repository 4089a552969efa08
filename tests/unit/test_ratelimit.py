"""What may pass now: in a burst, once a key, once a period."""

import pytest

from sswd.ratelimit import FewPerPeriod, OncePerKey, OncePerPeriod, TokenBucket


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_bucket_is_refilled(clock):
    bucket = TokenBucket(burst=3, rate_per_s=2.0, clock=clock)
    assert [bucket.take() for _ in range(5)] == [True] * 3 + [False] * 2
    clock.now_s += 1.0
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    clock.now_s += 1e6
    assert [bucket.take() for _ in range(4)] == [True] * 3 + [False]


def test_a_bucket_counts_what_it_kept_back(clock):
    bucket = TokenBucket(burst=1, rate_per_s=1.0, clock=clock)
    assert bucket.collect_kept_back() == 0
    for _ in range(4):
        bucket.take()
    assert bucket.kept_back == 3
    assert [bucket.collect_kept_back() for _ in range(2)] == [3, 0]


def test_a_key_passes_once_until_it_is_forgotten():
    once = OncePerKey(max_keys=10)
    assert [once.is_new(key) for key in ("a", ("a", 1), "a")] == [True, True, False]
    once.clear()
    assert once.is_new("a")


def test_keys_are_bounded():
    once = OncePerKey(max_keys=2)
    assert [once.is_new(key) for key in range(4)] == [True, True, False, False]
    assert not once.is_new(0)


def test_one_a_period_says_how_many_were_kept_back(clock):
    once = OncePerPeriod(10.0, clock)
    assert [once.take() for _ in range(4)] == [0, None, None, None]
    clock.now_s += 9.9
    assert once.take() is None
    clock.now_s += 0.1
    assert once.take() == 4
    assert once.take() is None
    clock.now_s += 10.0
    assert once.take() == 1


def test_few_of_each_key_pass_in_a_period(clock):
    few = FewPerPeriod(2, 10.0, clock)
    assert [few.take("a") for _ in range(4)] == [0, 0, None, None]
    assert few.take("b") == 0
    clock.now_s += 10.0
    assert [few.take("a") for _ in range(3)] == [2, 0, None]
    assert few.take("b") == 0


def test_periods_are_bounded(clock):
    few = FewPerPeriod(1, 10.0, clock, max_keys=3)
    assert [few.take(key) for key in range(10)] == [0] * 10
    assert len(few) <= 3
