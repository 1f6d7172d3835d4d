"""Long jobs, and the questions that syncs put."""

from __future__ import annotations

import time
import uuid

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.text import Text

from deploy.cli.base import Client, Json, Limit, age, err, out, show, table

UNITS = 100_000
"""Databases of a sync that are shown."""
runs_app = typer.Typer(help="Long jobs.", no_args_is_help=True)


holds_app = typer.Typer(help="Syncs that ask before they drop (operators).", no_args_is_help=True)


def watch(client: Client, run: str, as_json: bool) -> None:
    """Show a run's progress until it has ended; its failure is the command's."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
    )
    with Progress(*columns, console=err, transient=True, disable=as_json) as progress:
        task = progress.add_task("queued", total=None)
        while True:
            view = client.ask("GET", f"/v1/runs/{run}")
            done = view["progress"]
            progress.update(
                task,
                description=done.get("phase", view["state"]),
                completed=done.get("done", done.get("scanned", 0)),
                total=done.get("total") or None,
            )
            if view["finished_at"]:
                break
            time.sleep(0.25)
    if not show(view, as_json):
        result = ", ".join(
            f"{value} {key.replace('_', ' ')}" for key, value in view["result"].items() if value and value is not True
        )
        out.print(Text(f"{view['state']}: {view['error'] or result}"))
        if view["result"].get("held"):
            out.print("It asks before it drops: cairn holds list")
    if view["state"] != "done":
        raise typer.Exit(1)


@runs_app.command("list")
def list_runs(state: str = "", limit: Limit = 20, as_json: Json = False) -> None:
    """List runs, newest first."""
    items = Client().pages("/v1/runs", limit, state=state)
    if not show(items, as_json):
        table(
            ("run", "kind", "subject", "state", "asked for", "trouble"),
            ((r["uuid"], r["kind"], r["subject"], r["state"], age(r["created_at"]), r["error"][:60]) for r in items),
            "No run yet.",
        )


@runs_app.command("show")
def show_run(run: uuid.UUID, as_json: Json = False) -> None:
    """Show a run and what could not be read."""
    client = Client()
    view = client.ask("GET", f"/v1/runs/{run}")
    view["units"] = client.pages(f"/v1/runs/{run}/units", UNITS)
    if not show(view, as_json):
        of = f" of {view['subject']}" if view["subject"] else ""
        out.print(Text(f"{view['kind'].replace('_', ' ')}{of}: {view['state']} {view['error']}"))
        table(
            ("database", "state", "counts", "not read"),
            (
                (u["database"], u["state"], ", ".join(f"{v} {k}" for k, v in u["counts"].items()), len(u["failures"]))
                for u in view["units"]
            ),
            "",
        )
        for unit in view["units"]:
            for failure in unit["failures"][:20]:
                out.print(Text(f"  {failure['name']}: {failure['reason']}"))


@runs_app.command("wait")
def wait_run(run: uuid.UUID, as_json: Json = False) -> None:
    """Watch a run until it has ended; its failure is this command's."""
    watch(Client(), str(run), as_json)


@runs_app.command("cancel")
def cancel_run(run: uuid.UUID, as_json: Json = False) -> None:
    """Ask a run to stop; what it has done stays."""
    answer = Client().ask("POST", f"/v1/runs/{run}/cancel")
    if not show(answer, as_json):
        out.print(Text(f"It is {answer['state']}."))


@holds_app.command("list")
def list_holds(as_json: Json = False) -> None:
    """List syncs that ask before they drop."""
    items = Client().ask("GET", "/v1/holds")["items"]
    if not show(items, as_json):
        table(
            ("hold", "catalog", "would drop", "of", "asked"),
            ((h["uuid"], h["catalog"], h["vanished"], h["known"], age(h["asked_at"])) for h in items),
            "No sync asks anything.",
        )


@holds_app.command("drop")
def drop_hold(hold: uuid.UUID, as_json: Json = False) -> None:
    """Let the sync drop what vanished."""
    answer = Client().ask("POST", f"/v1/holds/{hold}", body={"drop": True})
    if not show(answer, as_json):
        out.print(Text(f"Run {answer['run']} drops them."))


@holds_app.command("keep")
def keep_hold(hold: uuid.UUID, as_json: Json = False) -> None:
    """Keep everything; the question is not put again for a day."""
    answer = Client().ask("POST", f"/v1/holds/{hold}", body={"drop": False})
    if not show(answer, as_json):
        out.print("All are kept.")
