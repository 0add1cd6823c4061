"""The tables, one noun a module."""

from tenants.models.api_key import ApiKey
from tenants.models.artefact import Projection, Rotation
from tenants.models.audit_event import AuditEvent
from tenants.models.embedding import Embedding
from tenants.models.exemplar import Exemplar, ExemplarRegion
from tenants.models.gallery import Gallery
from tenants.models.idempotent_call import IdempotentCall
from tenants.models.invitation import Invitation
from tenants.models.measurement import Calibration, Evaluation
from tenants.models.membership import Membership
from tenants.models.product import Product
from tenants.models.query_log import QueryLog
from tenants.models.quota import MonthlyUsage, Quota, Usage
from tenants.models.reference_image import ReferenceImage
from tenants.models.region import Region
from tenants.models.tenant import Tenant
from tenants.models.upload import Upload, UploadChunk
from tenants.models.vector_index import VectorIndex
from tenants.models.webhook import WebhookDelivery, WebhookEndpoint

__all__ = [
    "ApiKey",
    "AuditEvent",
    "Calibration",
    "Embedding",
    "Evaluation",
    "Exemplar",
    "ExemplarRegion",
    "Gallery",
    "IdempotentCall",
    "Invitation",
    "Membership",
    "MonthlyUsage",
    "Product",
    "Projection",
    "QueryLog",
    "Quota",
    "ReferenceImage",
    "Region",
    "Rotation",
    "Tenant",
    "Upload",
    "UploadChunk",
    "Usage",
    "VectorIndex",
    "WebhookDelivery",
    "WebhookEndpoint",
]
