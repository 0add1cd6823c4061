"""Routes: the API under /v1, its documents, and the operator's probes."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from api.probes import livez, readyz

urlpatterns = [
    path("v1/", include("api.urls")),
    path("openapi.json", SpectacularAPIView.as_view(), name="openapi"),
    path("docs", SpectacularSwaggerView.as_view(url_name="openapi"), name="docs"),
    path("livez", livez, name="livez"),
    path("readyz", readyz, name="readyz"),
]
handler404 = "api.errors.answer_unknown_page"
handler500 = "api.errors.answer_crash"
