"""The photos that a worker holds, from their lease to their end, whichever way that comes."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

from jobs.errors import Unavailable
from jobs.heartbeat import keep_renewing
from retrieval.photos.leases import RENEW_EVERY_S, lease_images, release_images, renew_leases
from tenants.models import ReferenceImage


class Hold:
    """Renews the leases of what it holds while it is entered; what an error leaves is free again at once."""

    def __init__(self) -> None:
        self._held: list[ReferenceImage] = []
        self._renewing = ExitStack()

    def __enter__(self) -> Self:
        self._renewing.enter_context(keep_renewing(self._renew, every_s=RENEW_EVERY_S))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._renewing.close()
        if error is not None:
            release_images(self._held, blameless=True)

    def lease(self, limit: int) -> list[ReferenceImage]:
        """Up to `limit` pending photos that nobody held.

        One that was leased in vain before, and may be what kills workers, is held alone: none is added to it,
        and it is added to none.
        """
        if any(image.attempts for image in self._held):
            return []
        leased = lease_images(limit, suspects=not self._held)
        self._held = [*self._held, *leased]
        return leased

    def end(self, images: Sequence[ReferenceImage]) -> None:
        """Photos that have ended are held no more."""
        ended = {image.pk for image in images}
        self._held = [image for image in self._held if image.pk not in ended]

    @contextmanager
    def blaming(self, images: Sequence[ReferenceImage]) -> Iterator[None]:
        """An error in the block counts against these photos only; a server that is away, against none."""
        try:
            yield
        except Unavailable:
            raise
        except BaseException:
            release_images(images, blameless=False)
            self.end(images)
            raise

    def _renew(self) -> None:
        renew_leases(self._held)
