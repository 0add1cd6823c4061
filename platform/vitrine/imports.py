"""What an import of a catalogue is asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Mode = Literal["create", "upsert", "replace"]


@dataclass(frozen=True)
class ImportWish:
    """Exactly one of `upload`, `directory` and `photos` is the source.

    upload: id of a complete one, an archive or a manifest. directory: below the shop's own folder in a place
    that the operator allowed. photos: rows of a manifest, with `sku` and the photo's URL in `image`.

    mode: `create` takes new SKUs only; `upsert` also changes products that are there; `replace` also deletes
    the products that no row names. dry_run: change nothing, say what would be. near_duplicates: photos of a
    product that differ in at most so many bits of their dHash (0 to 7) are the same; None: only the same
    file; "usual": as the service thinks best. columns: our names of fields to the manifest's own.
    """

    upload: str | None = None
    directory: str | None = None
    photos: Sequence[Mapping[str, Any]] | None = None
    mode: Mode = "upsert"
    dry_run: bool = False
    near_duplicates: int | Literal["usual"] | None = "usual"
    columns: Mapping[str, str] = field(default_factory=dict[str, str])

    def as_body(self) -> dict[str, Any]:
        """The JSON of the request."""
        sources = {"upload": self.upload, "directory": self.directory, "photos": self.photos}
        body: dict[str, Any] = {name: value for name, value in sources.items() if value is not None}
        body |= {"mode": self.mode, "dry_run": self.dry_run, "columns": dict(self.columns)}
        if self.near_duplicates != "usual":
            body["near_duplicates"] = self.near_duplicates
        return body
