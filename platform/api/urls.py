"""Routes of v1."""

from django.urls import path

from api.views.audit import AuditEventsView, AuditExportView
from api.views.calibrations import CalibrationApplyView, CalibrationsView, CalibrationView
from api.views.distractors import DistractorsView, DistractorView
from api.views.evaluations import EvaluationApplyView, EvaluationsView, EvaluationView
from api.views.exports import ExportsView, JobArchiveView
from api.views.galleries import GalleriesView, GalleryView, ReindexView
from api.views.images import ImagesView, ImageUploadsView, ImageView
from api.views.imports import ImportsView
from api.views.invitations import InvitationResendView, InvitationsView, InvitationView
from api.views.jobs import JobCancelView, JobItemsView, JobReportView, JobRetryView, JobsView, JobView
from api.views.keys import KeyRotationView, KeysView, KeyView
from api.views.labelled_queries import LabelledQueriesView, LabelledQueryView
from api.views.members import MembersView, MemberView
from api.views.privacy import PrivacyView
from api.views.products import ProductsView, ProductView
from api.views.queries import RecognizeView, SearchView
from api.views.uploads import ChunksView, UploadsView, UploadView
from api.views.usage import UsageView
from api.views.webhooks import (
    WebhookDeliveriesView,
    WebhookDeliveryView,
    WebhookRedeliveryView,
    WebhookRotationView,
    WebhooksView,
    WebhookTestView,
    WebhookView,
)

_GALLERY = "galleries/<uuid:gallery>"
_WEBHOOK = "webhooks/<uuid:webhook>"
_DELIVERY = f"{_WEBHOOK}/deliveries/<uuid:delivery>"
urlpatterns = [
    path("galleries", GalleriesView.as_view(), name="galleries"),
    path(_GALLERY, GalleryView.as_view(), name="gallery"),
    path(f"{_GALLERY}/reindex", ReindexView.as_view(), name="reindex"),
    path(f"{_GALLERY}/products", ProductsView.as_view(), name="products"),
    path(f"{_GALLERY}/products/<uuid:product>", ProductView.as_view(), name="product"),
    path(f"{_GALLERY}/products/<uuid:product>/images", ImageUploadsView.as_view(), name="product_images"),
    path(f"{_GALLERY}/images", ImagesView.as_view(), name="images"),
    path(f"{_GALLERY}/images/<uuid:image>", ImageView.as_view(), name="image"),
    path(f"{_GALLERY}/recognize", RecognizeView.as_view(), name="recognize"),
    path(f"{_GALLERY}/search", SearchView.as_view(), name="search"),
    path(f"{_GALLERY}/labelled-queries", LabelledQueriesView.as_view(), name="labelled_queries"),
    path(
        f"{_GALLERY}/labelled-queries/<uuid:labelled_query>",
        LabelledQueryView.as_view(),
        name="labelled_query",
    ),
    path(f"{_GALLERY}/calibrations", CalibrationsView.as_view(), name="calibrations"),
    path(f"{_GALLERY}/calibrations/<uuid:calibration>", CalibrationView.as_view(), name="calibration"),
    path(
        f"{_GALLERY}/calibrations/<uuid:calibration>/apply",
        CalibrationApplyView.as_view(),
        name="apply_calibration",
    ),
    path(f"{_GALLERY}/evaluations", EvaluationsView.as_view(), name="evaluations"),
    path(f"{_GALLERY}/evaluations/<uuid:evaluation>", EvaluationView.as_view(), name="evaluation"),
    path(
        f"{_GALLERY}/evaluations/<uuid:evaluation>/apply",
        EvaluationApplyView.as_view(),
        name="apply_evaluation",
    ),
    path(f"{_GALLERY}/imports", ImportsView.as_view(), name="imports"),
    path(f"{_GALLERY}/exports", ExportsView.as_view(), name="exports"),
    path("uploads", UploadsView.as_view(), name="uploads"),
    path("uploads/<uuid:upload>", UploadView.as_view(), name="upload"),
    path("uploads/<uuid:upload>/chunks", ChunksView.as_view(), name="chunks"),
    path("distractors", DistractorsView.as_view(), name="distractors"),
    path("distractors/<uuid:distractor>", DistractorView.as_view(), name="distractor"),
    path("keys", KeysView.as_view(), name="keys"),
    path("keys/<uuid:key>", KeyView.as_view(), name="key"),
    path("keys/<uuid:key>/rotate", KeyRotationView.as_view(), name="rotate_key"),
    path("members", MembersView.as_view(), name="members"),
    path("members/<uuid:member>", MemberView.as_view(), name="member"),
    path("invitations", InvitationsView.as_view(), name="invitations"),
    path("invitations/<uuid:invitation>", InvitationView.as_view(), name="api_invitation"),
    path("invitations/<uuid:invitation>/resend", InvitationResendView.as_view(), name="resend_invitation"),
    path("webhooks", WebhooksView.as_view(), name="webhooks"),
    path(_WEBHOOK, WebhookView.as_view(), name="webhook"),
    path(f"{_WEBHOOK}/rotate-secret", WebhookRotationView.as_view(), name="rotate_webhook_secret"),
    path(f"{_WEBHOOK}/test", WebhookTestView.as_view(), name="test_webhook"),
    path(f"{_WEBHOOK}/deliveries", WebhookDeliveriesView.as_view(), name="webhook_deliveries"),
    path(_DELIVERY, WebhookDeliveryView.as_view(), name="webhook_delivery"),
    path(f"{_DELIVERY}/redeliver", WebhookRedeliveryView.as_view(), name="redeliver_webhook"),
    path("audit-events", AuditEventsView.as_view(), name="audit_events"),
    path("audit-events.csv", AuditExportView.as_view(), name="audit_export"),
    path("usage", UsageView.as_view(), name="usage"),
    path("privacy", PrivacyView.as_view(), name="privacy"),
    path("jobs", JobsView.as_view(), name="jobs"),
    path("jobs/<uuid:job>", JobView.as_view(), name="job"),
    path("jobs/<uuid:job>/items", JobItemsView.as_view(), name="job_items"),
    path("jobs/<uuid:job>/report.csv", JobReportView.as_view(), name="job_report"),
    path("jobs/<uuid:job>/archive", JobArchiveView.as_view(), name="job_archive"),
    path("jobs/<uuid:job>/cancel", JobCancelView.as_view(), name="cancel_job"),
    path("jobs/<uuid:job>/retry", JobRetryView.as_view(), name="retry_job"),
]
