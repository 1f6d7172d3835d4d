"""Addresses of the pages. A database's name, which may hold slashes, travels in the query; a dataset's is the path's rest."""

from django.urls import path

from catalog.web import signing_in, undoing
from catalog.web.views import access, account, catalogs, datasets, finding, keeping, runs, system

urlpatterns = [
    path("", finding.home, name="home"),
    path("login", signing_in.sign_in, name="login"),
    path("logout", signing_in.sign_out, name="logout"),
    path("search", finding.results, name="search"),
    path("palette", finding.palette, name="palette"),
    path("keyboard", finding.keyboard, name="keyboard"),
    path("datasets/<uuid:dataset>/undo/<uuid:claim>", datasets.undo, name="undo"),
    path("datasets/<uuid:dataset>/bookmark", keeping.bookmark, name="bookmark"),
    path("datasets/<uuid:dataset>", datasets.by_id, name="dataset-by-id"),
    path("datasets/<path:name>", datasets.dataset, name="dataset"),
    path("catalogs/<str:name>", catalogs.catalog, name="catalog"),
    path("catalogs/<str:name>/database", catalogs.database, name="database"),
    path("connect", catalogs.connect, name="connect"),
    path("runs", runs.runs, name="runs"),
    path("runs/<uuid:run>", runs.run, name="run"),
    path("runs/<uuid:run>/progress", runs.progress, name="run-progress"),
    path("bookmarks", keeping.bookmarks, name="bookmarks"),
    path("views", keeping.views, name="views"),
    path("views/<uuid:view>", finding.view, name="view"),
    path("settings", account.settings, name="settings"),
    path("tokens", account.tokens, name="tokens"),
    path("access", access.access, name="access"),
    path("users", access.users, name="users"),
    path("users/<str:username>", access.user, name="user"),
    path("teams/<str:name>", access.team, name="team"),
    path("system", system.system, name="system"),
    path("audit", access.audit, name="audit"),
    path("undo/<str:signed>", undoing.take_back, name="take-back"),
]
