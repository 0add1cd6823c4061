"""Whether a shop has room for more. Exact: PostgreSQL counts in the transaction that adds (see `Usage`)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar
from uuid import UUID

from tenants.domain.allowances import recall_allowance
from tenants.errors import DomainError
from tenants.models import Usage
from tenants.scope import tenant_scope

Counted = Literal["galleries", "products", "images", "bytes"]
COUNTED: tuple[Counted, ...] = ("galleries", "products", "images", "bytes")
_MOST_TRIES = 20
_Result = TypeVar("_Result")


class QuotaExceeded(DomainError):
    """The shop has, or would have, more than it may; trying again changes nothing."""

    code = "quota_exceeded"


@dataclass(frozen=True)
class Holdings:
    """How much a shop has now. What is deleted counts until it is purged."""

    galleries: int = 0
    products: int = 0
    images: int = 0
    bytes: int = 0


@dataclass
class Room:
    """How much more a shop may add; None is without bound. It shrinks with each `take`."""

    products: int | None
    images: int | None
    bytes: int | None

    def take_photo(self, size: int) -> bool:
        """Take the room of a photo of so many bytes; False when there is not that much."""
        if (self.images is not None and self.images < 1) or (self.bytes is not None and self.bytes < size):
            return False
        self.images = None if self.images is None else self.images - 1
        self.bytes = None if self.bytes is None else self.bytes - size
        return True


def read_holdings(tenant_id: UUID) -> Holdings:
    """What the shop has, as far as it is committed, and what this transaction has added."""
    with tenant_scope(tenant_id):
        counted = Usage.objects.values(*COUNTED).first()
    return Holdings(**counted) if counted else Holdings()


def read_room(tenant_id: UUID) -> Room:
    """What the shop could add now, if nobody else did: `check_quota` decides."""
    allowance = recall_allowance(tenant_id)
    bounds = {name: getattr(allowance, name) for name in ("products", "images", "bytes")}
    if all(bound is None for bound in bounds.values()):
        return Room(**bounds)
    has = read_holdings(tenant_id)
    left = {
        name: None if bound is None else max(0, bound - getattr(has, name)) for name, bound in bounds.items()
    }
    return Room(**left)


def check_quota(tenant_id: UUID, *names: Counted) -> None:
    """Raise `QuotaExceeded` when the shop has more of these than it may.

    To be called after adding, in the transaction that adds: nobody else adds until it commits, and rolled
    back it was never counted. A shop without bounds costs no query.
    """
    allowance = recall_allowance(tenant_id)
    bounds = {name: getattr(allowance, name) for name in names}
    if all(bound is None for bound in bounds.values()):
        return
    has = read_holdings(tenant_id)
    for name, bound in bounds.items():
        if bound is not None and getattr(has, name) > bound:
            raise QuotaExceeded(_describe(name, bound))


def describe_full(tenant_id: UUID, *names: Counted) -> str:
    """For the person who gets no more of these in: what is used up, and whom to ask."""
    allowance = recall_allowance(tenant_id)
    bounds = [(name, getattr(allowance, name)) for name in names]
    return " ".join(_describe(name, bound) for name, bound in bounds if bound is not None)


def fit_into_quota(work: Callable[[], _Result]) -> _Result:
    """Do the work, which takes no more than the room it reads; again where others took that meanwhile."""
    for _ in range(_MOST_TRIES):
        try:
            return work()
        except QuotaExceeded:
            continue
    return work()


def _describe(name: str, bound: int) -> str:
    what = f"{bound} bytes of photos" if name == "bytes" else f"{bound} {name}"
    return (
        f"The shop may have {what}, and has no room for this. Delete some, or ask the operator of this"
        " service for more; GET /v1/usage shows what is used."
    )
