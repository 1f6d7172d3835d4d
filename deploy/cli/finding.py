"""Finding and reading datasets."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text

from deploy.cli.base import Client, DatasetName, Json, Limit, age, app, err, out, show, table
from deploy.cli.keeping import view_named


@app.command()
def search(
    query: Annotated[list[str], typer.Argument(help="Words and filters, such as: customer tag:pii -name:tmp_*")] = [],
    view: Annotated[str | None, typer.Option(help="A saved view, narrowed by the words and filters.")] = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """Find datasets, best first."""
    client = Client()
    wanted = ([view_named(client, view)["query"]] if view else []) + query
    answer = client.ask("GET", "/v1/search", q=" ".join(wanted), limit=limit)
    if show(answer, as_json):
        return
    table(
        ("dataset", "platform", "owners", "description"),
        ((i["qualified_name"], i["platform"], ", ".join(i["owners"]), i["description"][:80]) for i in answer["items"]),
        "Nothing matches. Search for fewer words, or for the beginning of a name.",
    )
    for suggestion in answer["suggestions"]:
        out.print(Text(f"Did you mean: {suggestion['query']}  ({suggestion['total']})"))
    if answer["stale_reason"]:
        err.print(Text(f"cairn: {answer['stale_reason']}"))


@app.command("show")
def show_dataset(name: DatasetName, as_json: Json = False) -> None:
    """Show a dataset with its columns."""
    dataset = Client().dataset(name)
    if show(dataset, as_json):
        return
    description = dataset["description"]
    out.print(Text(dataset["qualified_name"], style="bold"))
    out.print(Text(description["text"] if description else "No description."))
    facts = {
        "kind": f"{dataset['kind']}, {dataset['platform']}, {dataset['state']}",
        "owners": ", ".join(dataset["owners"]) or "nobody",
        "tags": ", ".join(dataset.get("tags", [])),
        "rows": dataset.get("data", {}).get("rows"),
        "schema": f"version {dataset['schema_version']}, {age(dataset['definition_changed_at'])}"
        if "schema_version" in dataset
        else None,
    }
    for key, value in facts.items():
        if value not in (None, ""):
            out.print(Text(f"  {key:8} {value}"))
    if "columns" in dataset:
        out.print()
        table(
            ("column", "type", "tags", "description"),
            (
                (
                    "  " * c["depth"] + c["name"],
                    c["type"][:60],
                    ", ".join(c["tags"]),
                    (c["description"] or {"text": ""})["text"][:60],
                )
                for c in dataset["columns"]
            ),
            "No columns.",
        )


@app.command()
def partitions(
    name: DatasetName,
    wanted: Annotated[str, typer.Option("--filter", "-f", help="Such as: day >= '2026-11-01' and country = 'se'")] = "",
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """List partitions of a table, asked of its source."""
    client = Client()
    items = client.pages(f"/v1/datasets/{client.dataset(name)['uuid']}/partitions", limit, filter=wanted)
    if not show(items, as_json):
        table(
            ("partition", "rows", "location"),
            ((p["name"], p["properties"].get("numRows", ""), p["location"]) for p in items),
            "No partition is so.",
        )


@app.command()
def snapshots(name: DatasetName, limit: Limit = 20, as_json: Json = False) -> None:
    """List the snapshots of a table, newest first, asked of its source."""
    client = Client()
    items = client.pages(f"/v1/datasets/{client.dataset(name)['uuid']}/snapshots", limit)
    if not show(items, as_json):
        table(
            ("snapshot", "made", "operation", "rows", "refs"),
            ((s["id"], age(s["made_at"]), s["operation"], s["rows"], ", ".join(s["refs"])) for s in items),
            "No snapshot yet.",
        )


@app.command()
def versions(name: DatasetName, limit: Limit = 20, as_json: Json = False) -> None:
    """List the versions of a dataset's definition, newest first."""
    client = Client()
    items = client.pages(f"/v1/datasets/{client.dataset(name)['uuid']}/versions", limit)
    if not show(items, as_json):
        table(
            ("version", "since", "changes"),
            (
                (
                    v["number"],
                    age(v["recorded_at"]),
                    ", ".join(f"{c['what']} {c['path']}".strip() for c in v["changes"]),
                )
                for v in items
            ),
            "No versions.",
        )


@app.command()
def diff(
    name: DatasetName,
    first: Annotated[
        int | None, typer.Option("--from", help="A version; the one before the newest if left out.")
    ] = None,
    last: Annotated[int | None, typer.Option("--to", help="Another version; the newest if left out.")] = None,
    as_json: Json = False,
) -> None:
    """Say what changed between two versions of a dataset."""
    client = Client()
    dataset = client.dataset(name)
    last = last or int(dataset["schema_version"])
    window: dict[str, Any] = {"from": first or max(1, last - 1), "to": last}
    changes = client.ask("GET", f"/v1/datasets/{dataset['uuid']}/diff", **window)["changes"]
    if not show(changes, as_json):
        table(
            ("what", "where", "before", "after", "breaking"),
            ((c["what"], c["path"], c["before"], c["after"], "yes" if c["breaking"] else "") for c in changes),
            "It has one version." if last == 1 else "The two say the same.",
        )


@app.command()
def history(name: DatasetName, limit: Limit = 50, as_json: Json = False) -> None:
    """Say who said what of a dataset."""
    client = Client()
    items = client.pages(f"/v1/datasets/{client.dataset(name)['uuid']}/claims", limit)
    if not show(items, as_json):
        table(
            ("aspect", "of", "what", "by", "said", "ended"),
            (
                (
                    c["aspect"],
                    c["column"],
                    c["key"] or c["value"],
                    c["author"],
                    age(c["said_at"]),
                    age(c["ended_at"]) if c["ended_at"] else "",
                )
                for c in items
            ),
            "Nobody has said anything yet.",
        )
