"""The request id on every log line; requests that Django itself refuses in one line each."""

import logging
from contextvars import ContextVar

_LONGEST = 200
request_id: ContextVar[str] = ContextVar("request_id", default="-")


class RequestIdFilter(logging.Filter):
    """Puts the id of the request at hand on the record; `-` outside of one."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the field and let the record pass."""
        record.request_id = request_id.get()
        return True


class RefusalFilter(logging.Filter):
    """A refused request is one short line: the fault is its sender's, and no traceback says more of it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Make it a warning without the traceback and let it pass."""
        record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
        record.msg, record.args = record.getMessage()[:_LONGEST], None
        record.exc_info = record.exc_text = None
        return True
