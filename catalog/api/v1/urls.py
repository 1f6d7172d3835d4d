"""Addresses of the native REST. Names that may hold slashes travel in the query, where they need no second escape."""

from django.urls import path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from catalog.api.v1 import hot
from catalog.api.v1.views import access, annotations, catalogs, datasets, runs, search

urlpatterns = [
    path("me", access.MeView.as_view()),
    path("connectors", catalogs.ConnectorsView.as_view()),
    path("connection-checks", catalogs.ConnectionChecksView.as_view()),
    path("catalogs", catalogs.CatalogsView.as_view()),
    path("catalogs/<str:name>", catalogs.CatalogView.as_view()),
    path("catalogs/<str:name>/syncs", catalogs.SyncsView.as_view()),
    path("catalogs/<str:name>/databases", catalogs.DatabasesView.as_view()),
    path("catalogs/<str:name>/operations", catalogs.OperationsView.as_view()),
    path("intents/<uuid:intent>", catalogs.IntentView.as_view()),
    path("search", search.SearchView.as_view()),
    path("datasets", hot.datasets),
    path("datasets/<uuid:dataset>", hot.dataset),
    path("datasets/<uuid:dataset>/columns", datasets.ColumnsView.as_view()),
    path("datasets/<uuid:dataset>/partitions", datasets.PartitionsView.as_view()),
    path("datasets/<uuid:dataset>/snapshots", datasets.SnapshotsView.as_view()),
    path("datasets/<uuid:dataset>/versions", datasets.VersionsView.as_view()),
    path("datasets/<uuid:dataset>/versions/<int:version>", datasets.VersionView.as_view()),
    path("datasets/<uuid:dataset>/diff", datasets.DiffView.as_view()),
    path("datasets/<uuid:dataset>/claims", annotations.ClaimsView.as_view()),
    path("datasets/<uuid:dataset>/claims/<uuid:claim>/undo", annotations.UndoClaimView.as_view()),
    path("datasets/<uuid:dataset>/tags/<str:tag>", annotations.TagView.as_view()),
    path("datasets/<uuid:dataset>/owners/<str:owner>", annotations.OwnerView.as_view()),
    path("datasets/<uuid:dataset>/data-metadata", annotations.DataMetadataView.as_view()),
    path("datasets/<uuid:dataset>/properties/<str:name>", annotations.PropertyView.as_view()),
    path("datasets/<uuid:dataset>/merge", datasets.MergeView.as_view()),
    path("runs", runs.RunsView.as_view()),
    path("runs/<uuid:run>", runs.RunView.as_view()),
    path("runs/<uuid:run>/units", runs.RunUnitsView.as_view()),
    path("runs/<uuid:run>/cancel", runs.CancelRunView.as_view()),
    path("holds", runs.HoldsView.as_view()),
    path("holds/<uuid:hold>", runs.HoldView.as_view()),
    path("changes", runs.ChangesView.as_view()),
    path("audit", access.AuditView.as_view()),
    path("tokens", access.TokensView.as_view()),
    path("tokens/<uuid:token>", access.TokenView.as_view()),
    path("users", access.UsersView.as_view()),
    path("teams", access.TeamsView.as_view()),
    path("grants", access.GrantsView.as_view()),
    path("grants/<uuid:grant>", access.GrantView.as_view()),
    path("restrictions", access.RestrictionsView.as_view()),
    path("restrictions/<uuid:restriction>", access.RestrictionView.as_view()),
    path("openapi.json", SpectacularJSONAPIView.as_view(urlconf="catalog.api.v1.described"), name="openapi"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="openapi"), name="api-docs"),
]
