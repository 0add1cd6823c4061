"""What can be wrong with a file on its way."""

from tenants.errors import DomainError


class UploadRefused(DomainError):
    """The file or a part of it cannot be taken; the message says what to send instead."""

    code = "upload_refused"


class UploadLost(DomainError):
    """A stored part of the file is not there, or not whole: the file must be sent again."""

    code = "upload_lost"
