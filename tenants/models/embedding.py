from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from django.db import models

from tenants.models.owned import TenantOwned
from tenants.models.region import Region


class Embedding(TenantOwned):
    """What a model made of a region: the raw unit vector, kept so that any index can be rebuilt from here."""

    id = models.BigAutoField(primary_key=True)
    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="embeddings")
    model = models.CharField(max_length=64)
    vector = models.BinaryField()

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["region", "model"], name="one_vector_per_model")]

    def __str__(self) -> str:
        return f"{self.model} of region {self.region_id}"

    @staticmethod
    def pack(vector: npt.NDArray[np.float32]) -> bytes:
        """Little-endian float16 bytes of a unit vector, shape (dim,); 2 bytes a dimension."""
        return vector.astype("<f2").tobytes()

    @staticmethod
    def unpack(stored: bytes | memoryview) -> npt.NDArray[np.float32]:
        """The float32 unit vector, shape (dim,), of stored bytes; normalised again after the rounding."""
        vector = np.frombuffer(stored, dtype="<f2").astype(np.float32)
        return vector / np.float32(np.linalg.norm(vector))

    @classmethod
    def unpack_all(cls, stored: Sequence[bytes]) -> npt.NDArray[np.float32]:
        """(n, dim) float32 unit vectors of n stored ones of one length; (0, 0) of none."""
        if not stored:
            return np.zeros((0, 0), np.float32)
        rows = np.frombuffer(b"".join(stored), dtype="<f2").reshape(len(stored), -1).astype(np.float32)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)
