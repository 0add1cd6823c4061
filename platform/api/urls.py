"""Routes of v1."""

from django.urls import path

from api.views.galleries import GalleriesView, GalleryView
from api.views.images import ImagesView, ImageUploadsView, ImageView
from api.views.jobs import JobsView, JobView
from api.views.products import ProductsView, ProductView
from api.views.queries import RecognizeView, SearchView

_GALLERY = "galleries/<uuid:gallery>"
urlpatterns = [
    path("galleries", GalleriesView.as_view(), name="galleries"),
    path(_GALLERY, GalleryView.as_view(), name="gallery"),
    path(f"{_GALLERY}/products", ProductsView.as_view(), name="products"),
    path(f"{_GALLERY}/products/<uuid:product>", ProductView.as_view(), name="product"),
    path(f"{_GALLERY}/products/<uuid:product>/images", ImageUploadsView.as_view(), name="uploads"),
    path(f"{_GALLERY}/images", ImagesView.as_view(), name="images"),
    path(f"{_GALLERY}/images/<uuid:image>", ImageView.as_view(), name="image"),
    path(f"{_GALLERY}/recognize", RecognizeView.as_view(), name="recognize"),
    path(f"{_GALLERY}/search", SearchView.as_view(), name="search"),
    path("jobs", JobsView.as_view(), name="jobs"),
    path("jobs/<uuid:job>", JobView.as_view(), name="job"),
]
