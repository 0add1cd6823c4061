"""What can go wrong between a client and the service.

VitrineError
    ServiceUnreachable   nothing answers at the address, or the connection broke
    ApiProblem           the service answered with an error (its problem+json)
    GaveUpWaiting        something did not become ready in time
    JobFailed            a job of the service ended without success
    FileProblem          a file or folder that the user named cannot be used
"""


class VitrineError(Exception):
    """Base of all; `code` is stable, the message says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ServiceUnreachable(VitrineError):
    """Nothing answers at the address, or the connection broke."""


class GaveUpWaiting(VitrineError):
    """Something did not become ready within the time given."""


class JobFailed(VitrineError):
    """A job of the service ended without success; code and message are the job's."""


class FileProblem(VitrineError):
    """A file or folder that the user named is missing, empty, malformed, or changes while it is read."""


class ApiProblem(VitrineError):
    """The service answered with an error; `status` is that of HTTP, `request_id` finds it in the logs."""

    def __init__(self, status: int, code: str, message: str, request_id: str | None = None) -> None:
        super().__init__(code, message)
        self.status = status
        self.request_id = request_id

    def __str__(self) -> str:
        trace = f", request {self.request_id}" if self.request_id else ""
        return f"{self.message} (HTTP {self.status}, {self.code}{trace})"
