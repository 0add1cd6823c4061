"""When what failed is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from webhooks.schedule import RETRY_AFTER_S, find_next_attempt, find_rest

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_waits_are_those_that_standard_webhooks_recommends() -> None:
    assert RETRY_AFTER_S == (
        5,
        5 * 60,
        30 * 60,
        2 * 3600,
        5 * 3600,
        10 * 3600,
        14 * 3600,
        20 * 3600,
        24 * 3600,
    )


@pytest.mark.parametrize(("tried", "wait_s"), list(enumerate(RETRY_AFTER_S, 1)))
def test_next_attempt_is_up_to_a_tenth_later_than_the_schedule_says(tried: int, wait_s: int) -> None:
    found = [find_next_attempt(tried=tried, now=NOW) for _ in range(50)]
    waits = [(moment - NOW).total_seconds() for moment in found if moment]
    assert len(waits) == 50
    assert all(wait_s <= wait <= wait_s * 1.1 for wait in waits)
    assert len(set(waits)) > 1


def test_last_attempt_has_no_next() -> None:
    assert find_next_attempt(tried=len(RETRY_AFTER_S) + 1, now=NOW) is None


@pytest.mark.parametrize(("failing_s", "rest_s"), [(0, 0), (0.4, 0.1), (60, 15), (2400, 600), (100_000, 600)])
def test_rest_grows_with_the_time_of_failing_up_to_ten_minutes(failing_s: float, rest_s: float) -> None:
    rest = find_rest(failing_since=NOW - timedelta(seconds=failing_s), now=NOW) - NOW
    assert rest.total_seconds() == pytest.approx(rest_s)
