"""Token buckets in the real Valkey, against a model that follows the server's own clock."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.buckets import Bucket, Taken, queue_take, read_taken, size_bucket
from jobs.valkey import connect_valkey


class Model:
    """A bucket as one would write it on paper: tokens that come back with time."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self.tokens = Fraction(bucket.size)
        self.at = 0

    def refill(self, now_us: int) -> None:
        if self.at:
            back = Fraction(now_us - self.at, self.bucket.step_us)
            self.tokens = min(Fraction(self.bucket.size), self.tokens + back)
        self.at = now_us


def take(*buckets: Bucket) -> Taken:
    with connect_valkey().pipeline(transaction=False) as pipe:
        queue_take(pipe, buckets)
        (answer,) = pipe.execute()
    return read_taken(buckets, answer)


def fresh(size: int, step_us: int) -> Bucket:
    return Bucket("key", f"vitrine:bucket:{uuid.uuid4()}", size, step_us)


@given(
    sizes=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3000)), min_size=1, max_size=2),
    calls=st.integers(1, 25),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_buckets_give_what_the_model_gives(
    broker: "redis.Redis", sizes: list[tuple[int, int]], calls: int
) -> None:
    models = [Model(fresh(size, step)) for size, step in sizes]
    for _ in range(calls):
        taken = take(*(model.bucket for model in models))
        for model in models:
            model.refill(taken.now_us)
        given_all = all(model.tokens >= 1 for model in models)
        assert taken.refused is not given_all
        if given_all:
            for model in models:
                model.tokens -= 1
        else:
            wanting = max((1 - model.tokens) * model.bucket.step_us for model in models)
            assert round(taken.wait_s * 1_000_000) == wanting
        for model, level in zip(models, taken.levels, strict=True):
            assert level.tokens == int(model.tokens)
            missing_us = (model.bucket.size - model.tokens) * model.bucket.step_us
            assert 0 <= level.full_in_s - missing_us / 1_000_000 < 1


def test_two_callers_at_once_never_get_more_than_there_is(broker: "redis.Redis") -> None:
    bucket = fresh(10, 60_000_000)
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: take(bucket), range(40)))
    assert len([one for one in taken if not one.refused]) == 10
    assert min(one.wait_s for one in taken if one.refused) > 50


def test_empty_bucket_takes_nothing_from_the_other(broker: "redis.Redis") -> None:
    narrow, wide = fresh(1, 60_000_000), fresh(5, 60_000_000)
    assert [take(narrow, wide).refused for _ in range(4)] == [False, True, True, True]
    assert take(wide).levels[0].tokens == 3


def test_full_bucket_leaves_no_key(broker: "redis.Redis") -> None:
    bucket = fresh(3, 1000)
    take(bucket)
    assert 0 < broker.pttl(bucket.key) <= 3
    assert broker.keys(bucket.key) == [] or broker.pttl(bucket.key) > 0


@pytest.mark.parametrize(
    ("a_minute", "burst_s", "size", "step_us", "window_s"),
    [
        (6000, 60, 6000, 10_000, 60),
        (60, 10, 10, 1_000_000, 10),
        (0.5, 60, 1, 120_000_000, 120),
        (0, 60, 1, 60_000_000, 60),
    ],
)
def test_bucket_holds_the_calls_of_its_window(
    a_minute: float, burst_s: int, size: int, step_us: int, window_s: int
) -> None:
    bucket = size_bucket("tenant", "acme", a_minute=a_minute, burst_s=burst_s)
    assert (bucket.size, bucket.step_us, bucket.window_s) == (size, step_us, window_s)
