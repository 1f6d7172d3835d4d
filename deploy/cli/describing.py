"""Describing datasets: descriptions, tags, owners."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from deploy.cli.base import Client, ColumnPath, DatasetName, Json, app, out, show


@app.command()
def describe(
    name: DatasetName,
    text: Annotated[str, typer.Argument(help="The description; empty to take yours back.")],
    column: ColumnPath = None,
    as_json: Json = False,
) -> None:
    """Describe a dataset or one of its columns."""
    client = Client()
    body = {"description": text} | ({"column": column} if column else {})
    answer = client.ask("PATCH", f"/v1/datasets/{client.dataset(name)['uuid']}", body=body)
    if not show(answer, as_json):
        out.print("Described." if answer["claim"] else "It says so already.")


Remove = Annotated[bool, typer.Option("--remove", help="Take it off instead.")]


@app.command()
def tag(name: DatasetName, tag: str, column: ColumnPath = None, remove: Remove = False, as_json: Json = False) -> None:
    """Tag a dataset or one of its columns."""
    client = Client()
    path = f"/v1/datasets/{client.dataset(name)['uuid']}/tags/{quote(tag, safe='')}"
    answer = client.ask("DELETE" if remove else "PUT", path, column=column)
    if not show(answer, as_json):
        out.print("Removed." if remove else "Tagged.")


@app.command()
def own(
    name: DatasetName,
    owner: Annotated[str, typer.Argument(help="user:NAME or team:NAME.")],
    remove: Remove = False,
    as_json: Json = False,
) -> None:
    """Name an owner of a dataset."""
    client = Client()
    path = f"/v1/datasets/{client.dataset(name)['uuid']}/owners/{quote(owner, safe='')}"
    answer = client.ask("DELETE" if remove else "PUT", path)
    if not show(answer, as_json):
        out.print("Removed." if remove else f"{owner} owns it.")
