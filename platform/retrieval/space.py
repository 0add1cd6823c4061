"""Where a gallery's vectors of one model lie in the index."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from tenants.models import Gallery

Representation = Literal["float"]


@dataclass(frozen=True)
class Space:
    """One tenant's one gallery, as one model sees it. Every call to the store names its space whole.

    generation: counts the collections that took each other's place (new index, new model); searches go
    through the alias, which points to the generation in use.
    """

    tenant_id: UUID
    gallery_id: UUID
    model: str
    dim: int
    generation: int
    representation: Representation = "float"

    @property
    def alias(self) -> str:
        """The name that searches use."""
        return f"t{self.tenant_id.hex}_g{self.gallery_id.hex}_{self.model}_{self.representation}"

    @property
    def collection(self) -> str:
        """The name that writes use."""
        return f"{self.alias}_v{self.generation}"


def space_of(gallery: Gallery, *, dim: int) -> Space:
    """The space that the gallery uses now; dim is that of its embedder."""
    return Space(
        tenant_id=gallery.tenant_id,
        gallery_id=gallery.pk,
        model=gallery.embedder,
        dim=dim,
        generation=gallery.generation,
    )
