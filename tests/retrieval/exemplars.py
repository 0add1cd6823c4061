"""Exemplars whose vectors are given, not embedded."""

import uuid
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from tenants.models import Embedding, Exemplar, ExemplarRegion


def add_exemplar(
    tenant_id: UUID,
    vectors: Iterable[npt.NDArray[np.float32]],
    model: str,
    *,
    role: str = Exemplar.Role.DISTRACTOR,
    **fields: Any,
) -> Exemplar:
    """An indexed exemplar with a region for each raw vector (D,) of the model."""
    exemplar = Exemplar.objects.create(
        tenant_id=tenant_id,
        role=role,
        filename="q.png",
        file="q.png",
        content_type="image/png",
        size=1,
        state=Exemplar.State.INDEXED,
        **{"sha256": uuid.uuid4().hex * 2, **fields},
    )
    ExemplarRegion.objects.bulk_create(
        ExemplarRegion(
            tenant_id=tenant_id,
            exemplar=exemplar,
            model=model,
            ordinal=ordinal,
            x1=0,
            y1=0,
            x2=1,
            y2=1,
            score=1,
            source="whole",
            vector=Embedding.pack(vector),
        )
        for ordinal, vector in enumerate(vectors)
    )
    return exemplar
