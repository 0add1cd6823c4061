"""The list of galleries, asked in this process, where its queries can be counted."""

from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from tenants.domain.keys import issue_key
from tenants.models import Gallery, Projection, Rotation, Tenant, VectorIndex
from tenants.models.api_key import Scope
from tenants.models.arrays import pack_floats
from tenants.scope import tenant_scope
from tests.tenants.rows import make_tenant

EMBEDDERS = ["efficientnet_lite0", "efficientnet_lite2"]


def add_gallery(tenant: Tenant, number: int) -> None:
    """A ready gallery of two models, each with all that can be fitted, and an older index beside."""
    owner: dict[str, Any] = {"tenant": tenant}
    settings = {"index": {"embedders": EMBEDDERS, "representation": "binary"}}
    with tenant_scope(tenant.id):
        gallery = Gallery.objects.create(
            **owner, name=f"shelf {number}", settings=settings, state=Gallery.State.READY, generation=2
        )
        owner["gallery"] = gallery
        for model in EMBEDDERS:
            fitted = {**owner, "model": model, "version": 1, "fitted_on": 500}
            arrays = {
                "mean": pack_floats(np.zeros(8, np.float32)),
                "matrix": pack_floats(np.eye(8, dtype=np.float32)),
            }
            projection = Projection.objects.create(**fitted, **arrays, in_dim=8, out_dim=8)
            rotation = Rotation.objects.create(**fitted, **arrays, dim=8, method=Rotation.Method.ITQ)
            spec = {"projection": "pca", "dims": 8, "representation": "binary", "binarizer": "itq"}
            for generation in (1, 2):
                VectorIndex.objects.create(
                    **owner,
                    generation=generation,
                    model=model,
                    embedders=[model],
                    stored=VectorIndex.Stored.BINARY,
                    dim=8,
                    width=8,
                    spec=spec,
                    projection=projection,
                    rotation=rotation,
                )


def list_galleries(client: APIClient) -> tuple[list[dict[str, Any]], list[str]]:
    """The galleries shown, and the queries that it took."""
    with CaptureQueriesContext(
        connection,
    ) as queries:
        response = client.get("/v1/galleries", {"limit": 100})
    assert response.status_code == 200
    return response.json()["results"], [query["sql"] for query in queries.captured_queries]


@pytest.mark.django_db
def test_list_of_many_galleries_takes_no_more_queries_than_of_one() -> None:
    tenant = make_tenant("acme")
    client = APIClient(
        HTTP_AUTHORIZATION=f"Bearer {issue_key(tenant=tenant, name='test', scopes=list(Scope)).plaintext}"
    )
    add_gallery(tenant, 0)
    list_galleries(client)  # notes when the key was last used
    one, few = list_galleries(client)
    for number in range(1, 30):
        add_gallery(tenant, number)
    many, queries = list_galleries(client)
    assert (len(one), len(many)) == (1, 30)
    assert len(queries) == len(few)
    assert not [sql for sql in queries if "matrix" in sql]
    for gallery in many:
        assert gallery["index"]["generation"] == 2
        assert [model["model"] for model in gallery["index"]["models"]] == EMBEDDERS
        for model in gallery["index"]["models"]:
            assert model["projection"] == {"version": 1, "fitted_on": 500}
            assert model["binarizer"] == {"version": 1, "fitted_on": 500, "method": "itq"}
            assert (model["projected"], model["stored_dim"], model["notes"]) == (True, 8, [])
