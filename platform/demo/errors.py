"""What can go wrong between a client and the service.

DemoError
    ServiceUnreachable   nothing answers at the address
    ApiProblem           the service answered with an error (its problem+json)
    GaveUpWaiting        something did not become ready in time
    JobFailed            a job of the service ended without success
    FolderProblem        a folder or CSV file of the user is missing, empty or malformed
"""


class DemoError(Exception):
    """Base of all; `code` is stable, the message says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ServiceUnreachable(DemoError):
    """Nothing answers at the address, or the connection broke."""


class GaveUpWaiting(DemoError):
    """Something did not become ready within the time given."""


class JobFailed(DemoError):
    """A job of the service ended without success; code and message are the job's."""


class FolderProblem(DemoError):
    """A folder or file that the user named cannot be used."""


class ApiProblem(DemoError):
    """The service answered with an error; `status` is that of HTTP, `request_id` finds it in the logs."""

    def __init__(self, status: int, code: str, message: str, request_id: str | None = None) -> None:
        super().__init__(code, message)
        self.status = status
        self.request_id = request_id

    def __str__(self) -> str:
        trace = f", request {self.request_id}" if self.request_id else ""
        return f"{self.message} (HTTP {self.status}, {self.code}{trace})"
