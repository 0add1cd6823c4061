"""When a delivery is tried again: after the waits that Standard Webhooks recommends, with jitter."""

from datetime import datetime, timedelta
from random import SystemRandom

# Seconds after the first, second, ... attempt: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
RETRY_AFTER_S = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
_JITTER = 0.1
_REST_SHARE = 4
_LONGEST_REST = timedelta(minutes=10)
_random = SystemRandom()


def find_next_attempt(*, tried: int, now: datetime) -> datetime | None:
    """When a delivery that was tried so often in vain is tried again; None when it is not.

    Up to a tenth later than the schedule says, so that what failed together does not come back together.
    """
    if tried > len(RETRY_AFTER_S):
        return None
    wait_s = RETRY_AFTER_S[tried - 1] * (1 + _random.uniform(0, _JITTER))
    return now + timedelta(seconds=wait_s)


def find_rest(*, failing_since: datetime, now: datetime) -> datetime:
    """Until when an endpoint that has just failed again is left alone.

    The longer it has been failing, the longer: a dead endpoint for which a thousand events wait is tried
    every ten minutes, not a thousand times in a row, and one that stumbles once is not held up.
    """
    return now + min((now - failing_since) / _REST_SHARE, _LONGEST_REST)
