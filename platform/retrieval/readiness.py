"""Whether a gallery can be asked yet."""

from jobs.lookup import find_provisioning
from tenants.errors import Conflict
from tenants.models import Gallery


def check_ready(gallery: Gallery) -> None:
    """Raise `Conflict`, with the id of the job that makes it ready, for a gallery that is not."""
    if gallery.state == Gallery.State.READY:
        return
    job = find_provisioning(gallery)
    raise Conflict(
        f"The gallery is {gallery.state}, not ready. See its job, and try again.",
        code="gallery_not_ready",
        extra={"job": str(job.pk)} if job else {},
    )
