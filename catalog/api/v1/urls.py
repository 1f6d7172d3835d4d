"""Addresses of the native REST. Names that may hold slashes travel in the query, where they need no second escape."""

from django.urls import path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from catalog.api.v1 import hot, views

urlpatterns = [
    path("me", views.MeView.as_view()),
    path("connectors", views.ConnectorsView.as_view()),
    path("connection-checks", views.ConnectionChecksView.as_view()),
    path("catalogs", views.CatalogsView.as_view()),
    path("catalogs/<str:name>", views.CatalogView.as_view()),
    path("catalogs/<str:name>/syncs", views.SyncsView.as_view()),
    path("catalogs/<str:name>/databases", views.DatabasesView.as_view()),
    path("catalogs/<str:name>/operations", views.OperationsView.as_view()),
    path("intents/<uuid:intent>", views.IntentView.as_view()),
    path("search", views.SearchView.as_view()),
    path("datasets", hot.datasets),
    path("datasets/<uuid:dataset>", hot.dataset),
    path("datasets/<uuid:dataset>/columns", views.ColumnsView.as_view()),
    path("datasets/<uuid:dataset>/versions", views.VersionsView.as_view()),
    path("datasets/<uuid:dataset>/versions/<int:version>", views.VersionView.as_view()),
    path("datasets/<uuid:dataset>/diff", views.DiffView.as_view()),
    path("datasets/<uuid:dataset>/claims", views.ClaimsView.as_view()),
    path("datasets/<uuid:dataset>/claims/<uuid:claim>/undo", views.UndoClaimView.as_view()),
    path("datasets/<uuid:dataset>/tags/<str:tag>", views.TagView.as_view()),
    path("datasets/<uuid:dataset>/owners/<str:owner>", views.OwnerView.as_view()),
    path("datasets/<uuid:dataset>/properties/<str:name>", views.PropertyView.as_view()),
    path("datasets/<uuid:dataset>/merge", views.MergeView.as_view()),
    path("runs", views.RunsView.as_view()),
    path("runs/<uuid:run>", views.RunView.as_view()),
    path("runs/<uuid:run>/units", views.RunUnitsView.as_view()),
    path("runs/<uuid:run>/cancel", views.CancelRunView.as_view()),
    path("holds", views.HoldsView.as_view()),
    path("holds/<uuid:hold>", views.HoldView.as_view()),
    path("changes", views.ChangesView.as_view()),
    path("audit", views.AuditView.as_view()),
    path("tokens", views.TokensView.as_view()),
    path("tokens/<uuid:token>", views.TokenView.as_view()),
    path("users", views.UsersView.as_view()),
    path("teams", views.TeamsView.as_view()),
    path("grants", views.GrantsView.as_view()),
    path("grants/<uuid:grant>", views.GrantView.as_view()),
    path("restrictions", views.RestrictionsView.as_view()),
    path("restrictions/<uuid:restriction>", views.RestrictionView.as_view()),
    path("openapi.json", SpectacularJSONAPIView.as_view(urlconf="catalog.api.v1.described"), name="openapi"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="openapi"), name="api-docs"),
]
