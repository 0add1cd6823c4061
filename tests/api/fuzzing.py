"""Requests that schemathesis makes up from the OpenAPI document, sent to the application in this process.

It is the real one, with its middleware, PostgreSQL, Valkey and Milvus; its jobs are queued for nobody.
"""

import os
import uuid
from dataclasses import dataclass
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig

from jobs.models import Job, JobItem
from retrieval.analysers import default_embedder
from retrieval.index.generations import begin_generation, go_live
from tenants.domain.exemplars import add_distractor, add_labelled_query
from tenants.domain.galleries import create_gallery
from tenants.domain.images import add_image
from tenants.domain.invitations import invite_person
from tenants.domain.keys import issue_key
from tenants.domain.products import create_product
from tenants.models import Calibration, Evaluation, Gallery, Tenant, WebhookDelivery, WebhookEndpoint
from tenants.models.api_key import Scope
from tenants.scope import tenant_scope
from tests.api.operations import describe_api
from tests.api.photos import draw_photo
from tests.tenants.people import make_member
from transfer.imports.request import ImportRequest
from transfer.uploads.receiving import create_upload

# Beside the suite's few: `make fuzz EXAMPLES=500`, which also makes up others each time.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
# Of each well-formed id so many of ten are one that there is.
_REAL = 7


def load_schema() -> Any:
    """The document with the application behind it."""
    config = SchemathesisConfig.from_dict(
        {
            "generation": {"max-examples": EXAMPLES or 6, "deterministic": not EXAMPLES},
            # Every bound of every field, thousands of requests: too many for each run of the suite.
            "phases": {"coverage": {"enabled": bool(EXAMPLES)}, "examples": {"enabled": False}},
        }
    )
    schema = schemathesis.openapi.from_dict(describe_api(), config=config)
    schema.app = serve
    return schema


def serve(environ: dict[str, Any], start_response: Any) -> Any:
    """The application, which looks at the database when it is loaded: there is one by the first request."""
    from config.wsgi import application  # noqa: PLC0415 - see above

    return application(environ, start_response)


CHECKS = [
    getattr(schemathesis.checks, name)
    for name in (
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "allow_header_conformance",
        "unsupported_method",
    )
]

WALK = settings(
    max_examples=EXAMPLES or 5,
    stateful_step_count=8,
    deadline=None,
    derandomize=not EXAMPLES,
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class Target:
    """What one operation may make a mess of. ids: of one object of each kind, by what addresses call them."""

    key: str
    ids: dict[str, str]

    @property
    def headers(self) -> dict[str, str]:
        """Those that a call needs."""
        return {"Authorization": f"Bearer {self.key}"}

    def place(self, name: str, value: Any) -> Any:
        """What stands in the address: mostly the shop's own object where an id was made up."""
        try:
            drawn = uuid.UUID(str(value))
        except ValueError:
            return value
        return self.ids[name] if drawn.int % 10 < _REAL else value


def add_target(tenant: Tenant, key: str) -> Target:
    """A new gallery of the shop with one of everything. key: of the shop, for everything."""
    photo = draw_photo(1)
    picture: dict[str, Any] = {"filename": "a.png", "image_format": "png"}
    with tenant_scope(tenant.pk):
        gallery = _add_gallery(tenant)
        product = create_product(gallery=gallery, sku="one")
        distractor = add_distractor(tenant_id=tenant.pk, data=photo + uuid.uuid4().bytes, **picture)
        found = {
            "gallery": gallery,
            "product": product,
            "image": add_image(product=product, data=photo, **picture).image,
            "distractor": distractor.exemplar,
            "labelled_query": add_labelled_query(gallery=gallery, sku="one", data=photo, **picture).exemplar,
            **_measure(gallery),
            **_add_webhook(tenant),
            "upload": create_upload(filename="a.zip", size=1000),
            "job": _add_job(gallery),
            # Not the one that the calls are made with, which would be their last.
            "key": issue_key(tenant=tenant, name="till", scopes=[Scope.RECOGNIZE]).key,
            "member": make_member(tenant, "viewer"),
            "invitation": invite_person(
                tenant=tenant, email=f"{uuid.uuid4().hex}@shop.example", role="viewer", giver="owner"
            ),
        }
    return Target(key, {name: str(row.pk) for name, row in found.items()})


def _add_gallery(tenant: Tenant) -> Gallery:
    said = {"index": {"embedders": [default_embedder()]}}
    gallery = create_gallery(tenant_id=tenant.pk, name=uuid.uuid4().hex, settings=said)
    go_live(gallery, begin_generation(gallery, asked=False, reuse=False))
    Gallery.objects.filter(pk=gallery.pk).update(state=Gallery.State.READY)
    return gallery


def _measure(gallery: Gallery) -> dict[str, Any]:
    measured: dict[str, Any] = {"tenant_id": gallery.tenant_id, "gallery": gallery, "generation": 1}
    shares = {"true_accepts": 1.0, "wrong_accepts": 0.0, "false_accepts": None}
    found = {"recall_at_1": 1.0, "recall_at_5": 1.0, "image_recall_at_1": 1.0, "mean_average_precision": 1.0}
    way: dict[str, Any] = {
        "rerank": [],
        "grouping": "vote",
        "open_set": [],
        "at_threshold": shares,
        "median_ms": None,
    }
    calibrated = {"genuine": 9, "impostors": 9, "genuine_accepts": 1.0, "false_accepts": 0.0, "curve": []}
    evaluated = {"queries": 9, "strangers": 0, "threshold": 0.5, "recommended": 0, "policies": [way | found]}
    return {
        "calibration": Calibration.objects.create(
            **measured, false_accept_rate=0.05, threshold=0.5, result=calibrated
        ),
        "evaluation": Evaluation.objects.create(
            **measured,
            source=Evaluation.Source.QUERIES,
            recommended={"rerank": [], "grouping": "vote"},
            result=evaluated,
        ),
    }


def _add_webhook(tenant: Tenant) -> dict[str, Any]:
    endpoint = WebhookEndpoint.objects.create(
        tenant=tenant, url="https://acme.example/", events=["endpoint.disabled"], secret="whsec_x"
    )
    delivery = WebhookDelivery.objects.create(
        tenant=tenant, endpoint=endpoint, event_id=uuid.uuid4(), event="ping", body={}
    )
    return {"webhook": endpoint, "delivery": delivery}


def _add_job(gallery: Gallery) -> Job:
    """An import that has ended, a row of which failed."""
    job = Job.objects.create(
        tenant_id=gallery.tenant_id,
        gallery=gallery,
        kind=Job.Kind.IMPORT,
        trigger="test",
        state=Job.State.SUCCEEDED,
        input=ImportRequest(directory="spring").as_input(),
        result={"listed": True},
    )
    JobItem.objects.create(
        tenant_id=gallery.tenant_id, job=job, line=1, sku="one", state=JobItem.State.FAILED
    )
    return job
