"""The root of every error that the product raises on purpose.

DomainError
├── TenantRequired             a query ran with no tenant set: a bug of ours, never shown to a caller
├── NotFound                   no such object for this tenant (another tenant's object is the same)
├── Conflict                   the object is in a state that does not allow this
├── InvalidSettings            gallery settings that cannot work
├── InvalidTenant              a slug or name that a shop cannot have; told to the operator
├── StorageAway                the file storage did not take a file; nothing was kept
├── KeyRejected                no API key, or one that is unknown, expired or revoked
├── InvitationRejected         an invitation that is unknown, expired, revoked, used, or for somebody else
├── OwnerNeeded                only an owner of the shop may do this
└── jobs.errors, retrieval.analysers   their own, rooted here

The API gives each `code` its HTTP status in one table (api.errors).
"""

from collections.abc import Mapping


class DomainError(Exception):
    """An expected failure: `code` is stable, for programs; `message` is for the person who can act on it.

    extra: what a program needs besides, shown with the problem; strings by name (api.schema lists them).
    retry_after: seconds after which asking again may work, where it is known.
    """

    code = "error"
    retry_after: int | None = None

    def __init__(
        self, message: str, *, code: str | None = None, extra: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.extra = dict(extra or {})
        if code is not None:
            self.code = code


class TenantRequired(DomainError):
    """A tenant-owned table was asked for rows while no tenant was set."""

    code = "tenant_required"


class NotFound(DomainError):
    """The object does not exist for this tenant."""

    code = "not_found"


class Conflict(DomainError):
    """The object exists already, or is in a state that does not allow the change."""

    code = "conflict"


class InvalidSettings(DomainError):
    """Gallery settings that cannot work; the message names the setting."""

    code = "invalid_settings"


class InvalidTenant(DomainError):
    """A slug or name that a shop cannot have; the message names which."""

    code = "invalid_tenant"


class StorageAway(DomainError):
    """The file storage did not do its part; asking again may work."""

    code = "storage_away"


class KeyRejected(DomainError):
    """The API key is missing, unknown, expired or revoked."""

    code = "key_rejected"


class InvitationRejected(DomainError):
    """The invitation is unknown, expired, revoked, used already, or for somebody else."""

    code = "invitation_rejected"


class OwnerNeeded(DomainError):
    """Whoever asked may look after the shop, but this is for its owners."""

    code = "owner_needed"
