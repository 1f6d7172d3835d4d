"""Connecting sources, and syncing them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import quote

import typer
from rich.text import Text

from deploy.cli.base import Client, Json, age, app, fail, out, show, table
from deploy.cli.runs import watch

catalogs_app = typer.Typer(help="Connect sources and look after them.", no_args_is_help=True)


@catalogs_app.command("list")
def list_catalogs(as_json: Json = False) -> None:
    """List catalogs."""
    items = Client().ask("GET", "/v1/catalogs")["items"]
    if not show(items, as_json):
        table(
            ("catalog", "type", "state", "datasets", "synced", "trouble"),
            (
                (c["name"], c["platform"], c["state"], c["datasets"], age(c["synced_at"]), c["last_error"])
                for c in items
            ),
            "No catalog yet. Connect one: cairn catalogs add NAME --type sqlite --option path=FILE",
        )


@catalogs_app.command("types")
def list_types(as_json: Json = False) -> None:
    """List the kinds of sources and their options."""
    items = Client().ask("GET", "/v1/connectors")["items"]
    if not show(items, as_json):
        table(
            ("type", "option", "needed", "what it is"),
            (
                (spec["platform"], option["name"], "yes" if option["required"] else "", option["help"])
                for spec in items
                for option in spec["options"]
            ),
            "No connectors are installed.",
        )


def _options(given: Sequence[str]) -> dict[str, str]:
    options = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals:
            fail(f"option {text!r} must be written NAME=VALUE", 2)
        options[key] = value
    return options


TypeOption = Annotated[str, typer.Option("--type", "-t", help="Kind of source; `cairn catalogs types` lists them.")]


Options = Annotated[
    list[str], typer.Option("--option", "-o", help="NAME=VALUE; name secrets by reference: password=env:VARIABLE")
]


@catalogs_app.command("add")
def add_catalog(
    name: Annotated[str, typer.Argument(help="The first part of every dataset's name; it cannot change.")],
    type: TypeOption,
    option: Options = [],
    description: str = "",
    environment: str = "prod",
    every: Annotated[int | None, typer.Option(help="Seconds between syncs; 0 for by hand only.")] = 1800,
    namespace: Annotated[list[str], typer.Option(help="An OpenLineage namespace of this source.")] = [],
    database: Annotated[
        list[str], typer.Option(help="Databases to read, such as sales_*; -tmp_* leaves out. Without it: all.")
    ] = [],
    sampling: Annotated[bool, typer.Option(help="Let rows be read, to profile and check them.")] = False,
    test: Annotated[bool, typer.Option(help="Reach the source before storing anything.")] = True,
    as_json: Json = False,
) -> None:
    """Connect a source; its first sync begins at once."""
    body = {
        "name": name,
        "platform": type,
        "options": _options(option),
        "description": description,
        "environment": environment,
        "sync_every_seconds": every or None,
        "namespaces": namespace,
        "database_patterns": database,
        "allows_sampling": sampling,
        "test": test,
    }
    answer = Client().ask("POST", "/v1/catalogs", body=body)
    if not show(answer, as_json):
        out.print(Text(f"{name} is connected. See it come in: cairn sync {name} --wait"))


@catalogs_app.command("test")
def check_catalog(type: TypeOption, option: Options = [], as_json: Json = False) -> None:
    """Reach a source without storing anything."""
    answer = Client().ask("POST", "/v1/connection-checks", body={"platform": type, "options": _options(option)})
    if not show(answer, as_json):
        count = answer["databases"]
        out.print(Text(f"It answers: {answer['version']}, {count} {'database' if count == 1 else 'databases'}."))


@catalogs_app.command("show")
def show_catalog(name: str, as_json: Json = False) -> None:
    """Show a catalog's settings."""
    catalog = Client().ask("GET", f"/v1/catalogs/{quote(name, safe='')}")
    if not show(catalog, as_json):
        table(("setting", "value"), ((key, value) for key, value in catalog.items() if value not in ("", [], None)), "")


def _set_state(name: str, state: str, as_json: bool) -> None:
    answer = Client().ask("PATCH", f"/v1/catalogs/{quote(name, safe='')}", body={"state": state})
    if not show(answer, as_json):
        out.print(Text(f"{name} is {state}."))


@catalogs_app.command("pause")
def pause_catalog(name: str, as_json: Json = False) -> None:
    """Stop syncing a catalog; what is known of it stays."""
    _set_state(name, "paused", as_json)


@catalogs_app.command("resume")
def resume_catalog(name: str, as_json: Json = False) -> None:
    """Sync a paused catalog again."""
    _set_state(name, "active", as_json)


@catalogs_app.command("change")
def change_catalog(
    name: str,
    option: Options = [],
    test: Annotated[bool, typer.Option(help="Reach the source before storing anything.")] = True,
    as_json: Json = False,
) -> None:
    """Change how a catalog's source is reached: options that are given; the others stay. `NAME=` takes one away."""
    if not option:
        fail("say what changes, such as --option path=/data/shop.db", 2)
    client, path = Client(), f"/v1/catalogs/{quote(name, safe='')}"
    options = {**client.ask("GET", path)["options"], **_options(option)}
    answer = client.ask("PATCH", path, body={"options": options, "test": test})
    if not show(answer, as_json):
        out.print(Text(f"{name} is changed. Its next sync reads everything: cairn sync {name} --wait"))


@catalogs_app.command("sampling")
def set_sampling(name: str, to: Annotated[str, typer.Argument(help="on or off.")], as_json: Json = False) -> None:
    """Let the rows of a catalog's datasets be read, or not any more."""
    if to not in ("on", "off"):
        fail(f"write on or off, found {to!r}", 2)
    answer = Client().ask("PATCH", f"/v1/catalogs/{quote(name, safe='')}", body={"allows_sampling": to == "on"})
    if not show(answer, as_json):
        out.print(Text(f"Sampling of {name} is {to}."))


@catalogs_app.command("remove")
def remove_catalog(
    name: str, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False, as_json: Json = False
) -> None:
    """Remove a catalog; owners, tags and history are kept for its return."""
    if not yes and typer.prompt(f"Type {name} to remove it") != name:
        fail("nothing was removed")
    answer = Client().ask("DELETE", f"/v1/catalogs/{quote(name, safe='')}")
    if not show(answer, as_json):
        out.print(Text(f"{name} is removed."))


@app.command()
def sync(
    name: Annotated[str, typer.Argument(help="A catalog.")],
    wait: Annotated[bool, typer.Option("--wait", help="Watch it until it has ended.")] = False,
    as_json: Json = False,
) -> None:
    """Sync a catalog now."""
    client = Client()
    run = client.ask("POST", f"/v1/catalogs/{quote(name, safe='')}/syncs")["run"]
    if not wait:
        if not show({"run": run}, as_json):
            out.print(Text(f"Run {run}. Watch it: cairn runs wait {run}"))
        return
    watch(client, run, as_json)
