"""Pages of catalogs and databases, and the form that connects a source."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from catalog import backends, selectors
from catalog.access import gate
from catalog.connectors.base import ConnectorError
from catalog.domain.names import InvalidName
from catalog.journal import selectors as journal
from catalog.services import catalogs
from catalog.web import errors
from catalog.web.context import catalogs_of, holds_of
from catalog.web.signing_in import page_view, web_caller, web_principal
from catalog.web.views.finding import owner_names

PAGE = 100
CHANGED = 5
RUNS = 5


@page_view
def catalog(request: HttpRequest, name: str) -> HttpResponse:
    """Show a catalog, or carry out what one of its forms asks."""
    principal = web_principal(request)
    error = ""
    try:
        view = selectors.get_catalog(name=name, principal=principal)
        if request.method == "POST":
            try:
                return _carry_out(request, name)
            except (catalogs.InvalidCatalog, ConnectorError, ValueError) as refused:
                error = str(refused)
        databases = selectors.list_databases(
            catalog=name, principal=principal, after=request.GET.get("after", ""), limit=PAGE + 1
        )
    except selectors.NoSuchCatalog as missing:
        return errors.page(request, 404, "No such catalog", str(missing))
    context = {
        "section": "catalog",
        "current_catalog": name,
        "catalog": view,
        "databases": databases[:PAGE],
        "after": databases[PAGE - 1].name if len(databases) > PAGE else None,
        "changed": (changed := selectors.list_recently_changed(principal=principal, catalog=name, limit=CHANGED)),
        "owner_names": owner_names(changed),
        "runs": journal.list_runs(subject=name, before=None, limit=RUNS) if principal.is_operator else (),
        "holds": [hold for hold in holds_of(request, principal) if hold.catalog == name],
        "error": error,
        "connection": _connection(request, view) if principal.is_operator else (),
        "is_changing": bool(error) and request.POST.get("action") == "connection",
    }
    return render(request, "catalog/catalog.html", context, status=400 if error else 200)


def _carry_out(request: HttpRequest, name: str) -> HttpResponse:
    caller = web_caller(request)
    match request.POST.get("action"):
        case "sync":
            return redirect("run", catalogs.request_sync(caller=caller, name=name))
        case "pause" | "resume" as action:
            state = "paused" if action == "pause" else "active"
            catalogs.update_catalog(caller=caller, name=name, changes={"state": state})
            messages.success(request, f"{name} is {state}.")
        case "settings":
            catalogs.update_catalog(caller=caller, name=name, changes=_settings(request))
            messages.success(request, "Settings saved.")
        case "connection":
            catalogs.update_catalog(caller=caller, name=name, changes={}, options=_changed_options(request))
            messages.success(
                request, "The source answers, and its connection is changed. The next sync reads everything."
            )
        case "remove":
            if request.POST.get("sure") != name:
                raise ValueError(f"type {name} to remove it")
            catalogs.remove_catalog(caller=caller, name=name)
            messages.success(request, f"{name} is removed.")
            return redirect("home")
        case action:
            raise ValueError(f"there is no action {str(action)[:50]!r} on a catalog")
    return redirect("catalog", name)


def _settings(request: HttpRequest) -> dict[str, Any]:
    every = request.POST.get("sync_every_seconds", "").strip()
    limit = request.POST.get("drop_limit_ratio", "").strip()
    if every and not (every.isascii() and every.isdigit() and len(every) < 9):
        raise ValueError(f"Sync every: {every[:30]!r} is not a number of seconds, such as 1800")
    try:
        ratio = float(limit)
    except ValueError as error:
        raise ValueError(f"Drop limit: {limit[:30]!r} is not a share between 0 and 1, such as 0.2") from error
    return {
        "sync_every_seconds": int(every) if every else None,
        "drop_limit_ratio": ratio,
        "database_patterns": request.POST.get("database_patterns", "").split(),
        "allows_sampling": "allows_sampling" in request.POST,
        "description": request.POST.get("description", "")[:20_000],
    }


def _connection(request: HttpRequest, view: selectors.CatalogView) -> list[dict[str, Any]]:
    """Return the options of a catalog's source as fields: plain ones as they are, or as they were tried; of secrets whether there are any."""
    try:
        spec = backends.connector_spec(view.platform)
    except backends.UnknownPlatform:  # others tell of its datasets; there is no source to reach
        return []
    return [
        {
            "name": option.name,
            "title": option.title,
            "help": option.help,
            "placeholder": option.placeholder,
            "secret": option.secret and option.name not in view.options,
            "is_stored": option.name in view.secret_options,
            "value": request.POST.get(f"option.{option.name}", view.options.get(option.name, option.default)),
        }
        for option in spec.options
    ]


def _changed_options(request: HttpRequest) -> dict[str, str]:
    """Return the options of the form. A secret that is left empty stays, unless it shall be forgotten."""
    given = {
        name.removeprefix("option."): str(value).strip()
        for name, value in request.POST.items()
        if name.startswith("option.")
    }
    kept = {name for name in given if f"secret.{name}" in request.POST and f"forget.{name}" not in request.POST}
    return {name: value for name, value in given.items() if value or name not in kept}


@page_view
def database(request: HttpRequest, name: str) -> HttpResponse:
    """Show a database's datasets by name."""
    principal = web_principal(request)
    database_name = request.GET.get("name", "")
    try:
        view = selectors.get_catalog(name=name, principal=principal)
        found = selectors.get_database(catalog=name, database=database_name, principal=principal)
    except (selectors.NoSuchCatalog, selectors.NoSuchDatabase) as missing:
        return errors.page(request, 404, "No such database", str(missing))
    datasets = selectors.list_datasets(
        principal=principal, catalog=name, database=database_name, after=request.GET.get("after", ""), limit=PAGE + 1
    )
    context = {
        "section": "catalog",
        "current_catalog": name,
        "catalog": view,
        "database": found,
        "datasets": datasets[:PAGE],
        "owner_names": owner_names(datasets[:PAGE]),
        "after": datasets[PAGE - 1].qualified_name if len(datasets) > PAGE else None,
    }
    return render(request, "catalog/database.html", context)


@page_view
def connect(request: HttpRequest) -> HttpResponse:
    """The form that registers a source: tests the connection, and stores it if that went well."""
    principal = web_principal(request)
    gate.require_operator(principal, what="connecting sources")
    chosen = request.POST.get("platform", "sqlite")
    context: dict[str, Any] = {
        "section": "connect",
        "first": not catalogs_of(request, principal),
        "chosen": chosen,
        "values": request.POST,
    }
    status = 200
    if request.method == "POST":
        try:
            return _register(request, chosen, context)
        except _Tested:
            pass
        except (
            catalogs.InvalidCatalog,
            ConnectorError,
            InvalidName,
            backends.UnknownPlatform,
        ) as error:
            context["error"], status = str(error), 400
    context["specs"] = [
        {
            "platform": spec.platform,
            "title": spec.title,
            "options": [_option(request, spec.platform, option) for option in spec.options],
        }
        for spec in backends.list_connector_specs()
        if spec.platform != "memory"
    ]
    return render(request, "catalog/start.html", context, status=status)


class _Tested(Exception):
    """The connection was only to be tested, and it answered."""


def _option(request: HttpRequest, platform: str, option: Any) -> dict[str, Any]:
    value = "" if option.secret else request.POST.get(f"{platform}.{option.name}", option.default)
    return {
        "name": option.name,
        "title": option.title,
        "help": option.help,
        "required": option.required,
        "secret": option.secret,
        "placeholder": option.placeholder,
        "default": option.default,
        "value": value,
    }


def _register(request: HttpRequest, platform: str, context: dict[str, Any]) -> HttpResponse:
    caller = web_caller(request)
    spec = backends.connector_spec(platform)
    options = {
        option.name: request.POST[f"{platform}.{option.name}"].strip()
        for option in spec.options
        if request.POST.get(f"{platform}.{option.name}", "").strip()
    }
    if request.POST.get("action") == "test":
        context["health"] = catalogs.check_connection(caller=caller, platform=platform, options=options)
        raise _Tested
    name = request.POST.get("name", "").strip()
    catalogs.register_catalog(
        caller=caller,
        name=name,
        platform=platform,
        options=options,
        description=request.POST.get("description", "")[:20_000],
        database_patterns=request.POST.get("database_patterns", "").split(),
        allows_sampling="allows_sampling" in request.POST,
    )
    return redirect("run", catalogs.request_sync(caller=caller, name=name))
