"""The tables, one noun a module."""

from tenants.models.api_key import ApiKey
from tenants.models.artefact import Projection, Rotation
from tenants.models.embedding import Embedding
from tenants.models.exemplar import Exemplar, ExemplarRegion
from tenants.models.gallery import Gallery
from tenants.models.measurement import Calibration, Evaluation
from tenants.models.membership import Membership
from tenants.models.product import Product
from tenants.models.reference_image import ReferenceImage
from tenants.models.region import Region
from tenants.models.tenant import Tenant
from tenants.models.upload import Upload, UploadChunk
from tenants.models.vector_index import VectorIndex
from tenants.models.webhook import WebhookDelivery, WebhookEndpoint

__all__ = [
    "ApiKey",
    "Calibration",
    "Embedding",
    "Evaluation",
    "Exemplar",
    "ExemplarRegion",
    "Gallery",
    "Membership",
    "Product",
    "Projection",
    "ReferenceImage",
    "Region",
    "Rotation",
    "Tenant",
    "Upload",
    "UploadChunk",
    "VectorIndex",
    "WebhookDelivery",
    "WebhookEndpoint",
]
