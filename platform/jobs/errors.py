"""What goes wrong between asking a worker and getting its answer."""

from tenants.errors import DomainError


class Unavailable(DomainError):
    """A part that is needed is away or full; asking again after `retry_after` seconds may work."""

    code = "unavailable"
    retry_after: int

    def __init__(self, message: str, *, code: str, retry_after: int) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class CallRefused(DomainError):
    """The worker answered that the call cannot be done; carries the worker's own code and message."""


class JobCancelled(DomainError):
    """The job that is being run was cancelled; its worker stops where it is."""

    code = "cancelled"


class NotDone(Exception):
    """The job's slice of time is up before the job is: others have their turn, then it goes on.

    after_s: seconds to wait, where it waits for somebody else's work.
    """

    def __init__(self, after_s: float = 0) -> None:
        super().__init__("the job goes on in another slice")
        self.after_s = after_s
