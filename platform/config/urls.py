"""Routes: the API under /v1, its documents, and the operator's probes."""

from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerView

from api.metrics import metrics
from api.probes import livez, readyz

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="docs")),
    path("v1/", include("api.urls")),
    path("openapi.json", SpectacularJSONAPIView.as_view(), name="openapi"),
    path("docs", SpectacularSwaggerView.as_view(url_name="openapi"), name="docs"),
    path("livez", livez, name="livez"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
]
handler400 = "api.errors.answer_bad_request"
handler404 = "api.errors.answer_unknown_page"
handler500 = "api.errors.answer_crash"
