"""What a refused request leaves in the log."""

import logging

import pytest
from django.core.exceptions import DisallowedHost, TooManyFieldsSent


@pytest.mark.parametrize("kind", [DisallowedHost, TooManyFieldsSent])
def test_refused_request_is_one_short_warning(
    caplog: pytest.LogCaptureFixture, kind: type[Exception]
) -> None:
    """As Django logs it: an error with its traceback."""
    refused = kind("x" * 5000)
    logging.getLogger(f"django.security.{kind.__name__}").error(str(refused), exc_info=refused)
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("WARNING", "x" * 200)
    assert record.exc_info is None
