"""The request id on every log line."""

import logging
from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="-")


class RequestIdFilter(logging.Filter):
    """Puts the id of the request at hand on the record; `-` outside of one."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the field and let the record pass."""
        record.request_id = request_id.get()
        return True
