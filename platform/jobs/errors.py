"""What goes wrong between asking a worker and getting its answer."""

from tenants.errors import DomainError


class Unavailable(DomainError):
    """A part that is needed is away or full; asking again after `retry_after` seconds may work."""

    code = "unavailable"

    def __init__(self, message: str, *, code: str, retry_after: int) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class CallRefused(DomainError):
    """The worker answered that the call cannot be done; carries the worker's own code and message."""
