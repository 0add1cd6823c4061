"""Routes: the API under /v1, its documents, the operator's probes, and the pages for people."""

from django.urls import include, path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from api.media import show_media
from api.metrics import metrics
from api.probes import livez, readyz

urlpatterns = [
    path("v1/", include("api.urls")),
    path("media/<str:token>", show_media, name="media"),
    path("openapi.json", SpectacularJSONAPIView.as_view(), name="openapi"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="openapi"), name="docs"),
    path("livez", livez, name="livez"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("", include("frontend.urls")),
]
handler400 = "config.handlers.answer_bad_request"
handler403 = "frontend.errors.show_forbidden"
handler404 = "config.handlers.answer_unknown_page"
handler429 = "frontend.errors.show_too_many"
handler500 = "config.handlers.answer_crash"
