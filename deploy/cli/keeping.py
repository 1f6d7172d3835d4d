"""Bookmarks and saved views."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from deploy.cli.base import Client, DatasetName, Json, Limit, app, fail, out, show, table

views_app = typer.Typer(help="Queries with a name.", no_args_is_help=True)

Remove = Annotated[bool, typer.Option("--remove", help="Take it away instead.")]
ViewName = Annotated[str, typer.Argument(help="The view's name.")]


@app.command()
def bookmark(name: DatasetName, remove: Remove = False, as_json: Json = False) -> None:
    """Keep a dataset at hand."""
    client = Client()
    client.ask("DELETE" if remove else "PUT", f"/v1/datasets/{client.dataset(name)['uuid']}/bookmark")
    if not show({"dataset": name, "bookmarked": not remove}, as_json):
        out.print("Removed." if remove else "Bookmarked.")


@app.command()
def bookmarks(limit: Limit = 50, as_json: Json = False) -> None:
    """List the datasets you keep at hand."""
    items = Client().pages("/v1/bookmarks", limit)
    if not show(items, as_json):
        table(
            ("dataset", "platform", "owners", "description"),
            ((i["qualified_name"], i["platform"], ", ".join(i["owners"]), i["description"][:80]) for i in items),
            "No bookmark yet: cairn bookmark lake/events/play_events",
        )


def view_named(client: Client, name: str) -> dict[str, Any]:
    """Return a view by its name, one's own before those of others."""
    found = [view for view in client.pages("/v1/views", 10_000) if view["name"] == name]
    if not found:
        fail(f"there is no view named '{name}'; cairn views list shows them")
    return min(found, key=lambda view: not view["is_mine"])


@views_app.command("list")
def list_views(limit: Limit = 50, as_json: Json = False) -> None:
    """List your views and those that are shared."""
    items = Client().pages("/v1/views", limit)
    if not show(items, as_json):
        table(
            ("view", "query", "shown to"),
            ((v["name"], v["query"], f"everyone, by {v['owner']}" if v["is_shared"] else "you") for v in items),
            "No view yet: cairn views save 'Personal data' tag:pii",
        )


@views_app.command("save")
def save_view(
    name: ViewName,
    query: Annotated[list[str], typer.Argument(help="Words and filters, as for cairn search.")],
    shared: Annotated[bool, typer.Option("--shared", help="Show it to everyone who signs in.")] = False,
    as_json: Json = False,
) -> None:
    """Keep a query under a name, in place of your own of that name."""
    body = {"name": name, "query": " ".join(query), "is_shared": shared}
    if not show(Client().ask("POST", "/v1/views", body=body), as_json):
        out.print(f"Saved. Use it: cairn search --view '{name}'", highlight=False)


@views_app.command("remove")
def remove_view(name: ViewName, as_json: Json = False) -> None:
    """Take a view away."""
    client = Client()
    view = view_named(client, name)
    client.ask("DELETE", f"/v1/views/{view['uuid']}")
    if not show(view, as_json):
        out.print("Removed.")
