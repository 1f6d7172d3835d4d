"""How data moves: lineage of a dataset or a column, and the jobs that report their runs."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text

from deploy.cli.base import Client, DatasetName, Json, Limit, age, app, err, out, show, table

jobs_app = typer.Typer(help="What moves data, as its runs report it.", no_args_is_help=True)


@app.command()
def lineage(
    name: DatasetName,
    column: Annotated[str | None, typer.Option(help="Follow this column.")] = None,
    direction: Annotated[str, typer.Option(help="upstream, downstream or both.")] = "both",
    depth: Annotated[int, typer.Option(help="How many steps.")] = 3,
    as_of: Annotated[str | None, typer.Option(help="As it was then, such as 2026-11-25T12:00:00Z.")] = None,
    as_json: Json = False,
) -> None:
    """Show what a dataset is made of, and what is made of it."""
    client = Client()
    address = f"/v1/datasets/{client.dataset(name)['uuid']}/lineage"
    graph = client.ask("GET", address, column=column, direction=direction, depth=depth, as_of=as_of, limit=500)
    if show(graph, as_json):
        return
    reasons = _reasons(graph)
    table(
        ("step", "dataset", *(("column",) if column else ()), "job"),
        (
            (
                f"{node['distance']:+}" if node["distance"] else "0",
                node["qualified_name"],
                *((node["column"],) if column else ()),
                reasons.get(node["id"], ""),
            )
            for node in sorted(graph["nodes"], key=lambda node: node["distance"])
        ),
        "Nothing is linked with it.",
    )
    if graph["truncated"] or graph["frontier"]:
        err.print(Text("cairn: there is more behind this; ask with a greater --depth"))


def _reasons(graph: dict[str, Any]) -> dict[str, str]:
    """Return, for each node, the jobs by which it is linked towards the start."""
    distance = {node["id"]: abs(node["distance"]) for node in graph["nodes"]}
    found: dict[str, list[str]] = {}
    for link in graph["links"]:
        far = max((link["upstream"], link["downstream"]), key=lambda node: distance.get(node, 0))
        names = [edge["job_name"] or "view" for edge in link["edges"]] or ["through something restricted"]
        found.setdefault(far, []).extend(names)
    return {node: ", ".join(dict.fromkeys(names)) for node, names in found.items()}


@jobs_app.command("list")
def list_jobs(
    text: Annotated[str, typer.Argument(help="A part of the name or namespace.")] = "",
    state: Annotated[str, typer.Option(help="COMPLETE, FAIL, RUNNING, START, ABORT or OTHER.")] = "",
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """List jobs, the one that ran last first."""
    items = Client().pages("/v1/jobs", limit, q=text, state=state.upper())
    if not show(items, as_json):
        table(
            ("id", "job", "namespace", "last run", "state"),
            ((j["uuid"], j["name"], j["namespace"], age(j["last_run_at"]), j["last_run_state"].lower()) for j in items),
            "No job has reported a run. Point an OpenLineage client at /api/v1/lineage.",
        )


@jobs_app.command("show")
def show_job(job: Annotated[str, typer.Argument(help="The job's id.")], as_json: Json = False) -> None:
    """Show what a job reads and writes."""
    found = Client().ask("GET", f"/v1/jobs/{job}")
    if show(found, as_json):
        return
    out.print(Text(f"{found['job']['name']}  ({found['job']['namespace']})", style="bold"))
    for title, key in (("reads", "inputs"), ("writes", "outputs")):
        for each in found[key]:
            out.print(Text(f"  {title:7} {each['qualified_name']}"))
    for problem in found["problems"]:
        err.print(Text(f"cairn: {problem}"))


@jobs_app.command("runs")
def list_job_runs(
    job: Annotated[str, typer.Argument(help="The job's id.")], limit: Limit = 20, as_json: Json = False
) -> None:
    """List the runs of a job, newest first."""
    items = Client().pages(f"/v1/jobs/{job}/runs", limit)
    if not show(items, as_json):
        table(
            ("run", "state", "started", "seconds", "error"),
            (
                (r["uuid"], r["state"].lower(), age(r["started_at"]), r["duration_seconds"], r["error"][:60])
                for r in items
            ),
            "No run is kept.",
        )
