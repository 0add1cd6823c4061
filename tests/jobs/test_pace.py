"""How fast a job goes, and how long it will take."""

from datetime import UTC, datetime, timedelta

import pytest

from jobs.models import Job
from jobs.pace import Pace, count_pending, measure_pace

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BEGAN = NOW - timedelta(seconds=20)


@pytest.mark.parametrize(
    ("fields", "pace"),
    [
        ({}, Pace(None, None)),
        ({"state": "running", "started_at": BEGAN, "total": 100}, Pace(None, None)),
        ({"state": "running", "started_at": NOW, "total": 100, "done": 10}, Pace(None, None)),
        ({"state": "running", "started_at": BEGAN, "total": 100, "done": 40}, Pace(2.0, 30.0)),
        (
            {"state": "pending", "started_at": BEGAN, "total": 100, "done": 20, "failed": 15, "skipped": 5},
            Pace(2.0, 30.0),
        ),
        ({"state": "running", "started_at": BEGAN, "total": 40, "done": 40}, Pace(2.0, 0.0)),
        (
            {
                "state": "cancelled",
                "started_at": BEGAN,
                "finished_at": BEGAN + timedelta(seconds=4),
                "total": 100,
                "done": 40,
            },
            Pace(10.0, None),
        ),
    ],
    ids=["new", "none ended", "no time", "running", "between slices", "all ended", "cancelled"],
)
def test_pace_is_of_all_that_has_ended(fields: dict[str, object], pace: Pace) -> None:
    assert measure_pace(Job(**fields), now=NOW) == pace


def test_pending_is_never_below_none() -> None:
    assert count_pending(Job(total=10, done=7, failed=2)) == 1
    assert count_pending(Job(total=10, done=10, failed=2)) == 0
