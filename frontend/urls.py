"""Routes of the pages."""

from django.urls import include, path

from frontend.views.home import HomeView, ShopChoiceView
from frontend.views.invitations import InvitationView

urlpatterns = [
    path("", HomeView.as_view(), name="home"),
    path("shops/<uuid:tenant>/choose", ShopChoiceView.as_view(), name="choose_shop"),
    path("invitations/<str:token>", InvitationView.as_view(), name="invitation"),
    path("account/", include("allauth.urls")),
]
