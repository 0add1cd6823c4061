"""The tables, one noun a module."""

from tenants.models.api_key import ApiKey
from tenants.models.embedding import Embedding
from tenants.models.gallery import Gallery
from tenants.models.membership import Membership
from tenants.models.product import Product
from tenants.models.reference_image import ReferenceImage
from tenants.models.region import Region
from tenants.models.tenant import Tenant

__all__ = [
    "ApiKey",
    "Embedding",
    "Gallery",
    "Membership",
    "Product",
    "ReferenceImage",
    "Region",
    "Tenant",
]
