"""A product that rolls back with its test, and a folder of the test's own for its photos."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tenants.models import Product
from tenants.scope import tenant_scope
from tests.tenants.rows import make_gallery, make_product, make_tenant


@pytest.fixture
def media(tmp_path: Path, settings: Settings) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def product(db: None, media: Path) -> Iterator[Product]:
    product = make_product(make_gallery(make_tenant("acme")))
    with tenant_scope(product.tenant_id):
        yield product
