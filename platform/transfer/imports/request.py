"""What was asked for when an import was started, as it stands in `Job.input`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

Mode = Literal["create", "upsert", "replace"]
# Drawn so that a re-encoded or resized copy is found and two packets of one brand are not.
DEFAULT_NEAR_DUPLICATES = 2


@dataclass(frozen=True)
class ImportRequest:
    """One of `upload` and `directory` is the source.

    mode: `create` takes new SKUs only; `upsert` also changes products that are there; `replace` also deletes
    the products that no row names. dry_run: only say what would be. near_duplicates: photos whose dHash
    differs in at most so many bits (0 to 7) are the same; None for exact copies only. columns: our name of a
    field to the source's header. retry_of: the import whose failed rows these are.
    """

    upload: UUID | None = None
    directory: str | None = None
    mode: Mode = "upsert"
    dry_run: bool = False
    near_duplicates: int | None = DEFAULT_NEAR_DUPLICATES
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    retry_of: UUID | None = None

    def as_input(self) -> dict[str, Any]:
        """Plain JSON, every field in it."""
        return {
            "upload": str(self.upload) if self.upload else None,
            "directory": self.directory,
            "mode": self.mode,
            "dry_run": self.dry_run,
            "near_duplicates": self.near_duplicates,
            "columns": dict(self.columns),
            "retry_of": str(self.retry_of) if self.retry_of else None,
        }

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> "ImportRequest":
        """The request that `as_input` wrote."""
        return cls(
            upload=UUID(given["upload"]) if given["upload"] else None,
            directory=given["directory"],
            mode=given["mode"],
            dry_run=given["dry_run"],
            near_duplicates=given["near_duplicates"],
            columns=given["columns"],
            retry_of=UUID(given["retry_of"]) if given["retry_of"] else None,
        )
