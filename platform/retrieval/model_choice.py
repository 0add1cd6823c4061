"""Which models a gallery may have, and what each asks of its index."""

from collections.abc import Mapping
from typing import Any

from retrieval.analysers import default_embedder, embedder_dim, emits_codes
from retrieval.settings.gallery import GallerySettings, merge_settings
from retrieval.settings.index import IndexSettings
from tenants.errors import InvalidSettings


def settle_settings(*, said: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """What a gallery's owner has said once the change is made, checked; `said` is empty for a new gallery.

    Where no embedder is chosen, it is the platform's from now on: another default must not change galleries
    that are there. Raises `InvalidSettings`, `ModelMissing`.
    """
    merged = merge_settings(said, change)
    index = {"embedders": [default_embedder()], **merged.get("index", {})}
    settled = {**merged, "index": index}
    wanted = GallerySettings.parse(settled).index
    if index != said.get("index"):
        check_models(wanted)
    return settled


def check_models(index: IndexSettings) -> None:
    """Raise `ModelMissing` for an embedder that is not there, `InvalidSettings` for one that the index cannot
    hold: a model that emits codes itself leaves nothing to project or to join.
    """
    for name in index.embedders:
        embedder_dim(name)
    coders = [name for name in index.embedders if emits_codes(name)]
    if not coders:
        return
    if len(index.embedders) > 1:
        raise InvalidSettings(
            f"embedders: {coders[0]} emits binary codes, which cannot go with another model. Take it alone."
        )
    if index.representation != "binary" or index.projection != "none":
        raise InvalidSettings(
            f"embedders: {coders[0]} emits binary codes. Set representation to binary and projection to none."
        )
