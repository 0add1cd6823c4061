"""Files that an import has stored and then could not give a row: it was killed, or its storage went away.

A row's file has the row's own id for a name, so that it is known which files there may be.
"""

from collections.abc import Iterable

from jobs.models import JobItem
from retrieval.photos.files import delete_file
from tenants.domain.files import CONTENT_TYPES
from tenants.domain.images import name_file
from tenants.models import Gallery


def remove_leftovers(gallery: Gallery, items: Iterable[JobItem]) -> None:
    """Delete what may lie under the names of rows that end without a photo. Raises `Unavailable`.

    In the transaction that ends them: as long as a row has not ended, its file may still come to use.
    """
    for item in items:
        for image_format in CONTENT_TYPES:
            delete_file(name_file(gallery, item.pk, image_format))
