"""The time that an import has before it is others' turn."""

import time

from django.conf import settings

from jobs.errors import NotDone


class SliceClock:
    """Starts with the slice, which lasts `INDEX_SLICE_S`."""

    def __init__(self) -> None:
        self._deadline = time.monotonic() + settings.INDEX_SLICE_S

    @property
    def left_s(self) -> float:
        """Seconds left, 0 when the slice is over."""
        return max(0.0, self._deadline - time.monotonic())

    def check(self) -> None:
        """Raise `NotDone` when the slice is over."""
        if not self.left_s:
            raise NotDone
