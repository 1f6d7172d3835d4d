"""What datasets' rows are like: profiles, checks, findings."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.text import Text

from deploy.cli.base import Client, Json, Limit, age, app, fail, out, show, table

checks_app = typer.Typer(help="Checks: what is expected of rows, and how it ended.", no_args_is_help=True)
findings_app = typer.Typer(help="Findings: what columns seem to hold.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A qualified name, such as lake/events/plays.")]


@app.command()
def quality(name: Name, as_json: Json = False) -> None:
    """Show the profile of a dataset's rows."""
    client = Client()
    found = client.ask("GET", f"/v1/datasets/{client.dataset(name)['uuid']}/quality")
    if show(found, as_json):
        return
    profile = found["profile"]
    if profile is None:
        out.print(Text(found["error"] or "Its rows are not read. Allow it: cairn catalogs sampling CATALOG on"))
        return
    out.print(Text(f"{profile['rows']} rows looked at ({profile['method']}) of {profile['total_rows']}"))
    table(
        ("column", "empty", "distinct", "least", "greatest", "lengths"),
        (
            (
                column["path"],
                column["nulls"],
                column.get("distinct"),
                column.get("least"),
                column.get("greatest"),
                f"{column['shortest']}-{column['longest']}" if "longest" in column else "",
            )
            for column in profile["columns"]
        ),
        "No column.",
    )


@app.command()
def scan(name: Name, as_json: Json = False) -> None:
    """Have a dataset scanned now."""
    client = Client()
    run = client.ask("POST", f"/v1/datasets/{client.dataset(name)['uuid']}/scans")["run"]
    if not show({"run": run}, as_json):
        out.print(Text(f"Run {run}. Watch it: cairn runs wait {run}" if run else "Its catalog is paused."))


@checks_app.command("list")
def list_checks(
    name: Annotated[str, typer.Argument(help="Of this dataset; of all without it.")] = "",
    status: Annotated[str, typer.Option(help="pass, fail or error.")] = "",
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List checks and how they ended last."""
    client = Client()
    if name:
        items = client.ask("GET", f"/v1/datasets/{client.dataset(name)['uuid']}/quality")["checks"]
        items = [check for check in items if status in ("", check["status"])]
    else:
        items = client.pages("/v1/checks", limit, status=status)
    if not show(items, as_json):
        table(
            ("dataset", "expected", "now", "observed", "judged", "id"),
            (
                (c["qualified_name"], c["title"], c["status"], c["observed"], age(c["judged_at"]), c["uuid"])
                for c in items
            ),
            "No check. Add one: cairn checks add NAME completeness --column COLUMN",
        )


def _argument(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        fail(f"argument {text!r} must be written NAME=VALUE", 2)
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


@checks_app.command("add")
def add_check(
    name: Name,
    kind: Annotated[
        str, typer.Argument(help="completeness, uniqueness, range, accepted_values, freshness or row_count.")
    ],
    column: Annotated[str, typer.Option(help="Its path.")] = "",
    argument: Annotated[
        list[str], typer.Option("--argument", "-a", help='NAME=VALUE, such as share=0.99 or values=\'["a","b"]\'.')
    ] = [],
    severity: Annotated[str, typer.Option(help="low, medium or high.")] = "medium",
    as_json: Json = False,
) -> None:
    """Add a check to a dataset."""
    client = Client()
    body = {"kind": kind, "column": column, "arguments": dict(map(_argument, argument)), "severity": severity}
    made = client.ask("POST", f"/v1/datasets/{client.dataset(name)['uuid']}/checks", body=body)
    if not show(made, as_json):
        out.print(Text(f"{made['title']}. It is judged at the next scan: cairn scan {name}"))


@checks_app.command("remove")
def remove_check(check: Annotated[str, typer.Argument(help="The id of a check.")], as_json: Json = False) -> None:
    """Take a check away."""
    Client().ask("DELETE", f"/v1/checks/{check}")
    if not show({"removed": check}, as_json):
        out.print("It is taken away.")


@checks_app.command("results")
def list_results(
    check: Annotated[str, typer.Argument(help="The id of a check.")], limit: Limit = 20, as_json: Json = False
) -> None:
    """List how a check ended, newest first."""
    items = Client().pages(f"/v1/checks/{check}/results", limit)
    if not show(items, as_json):
        table(
            ("judged", "ended", "observed"),
            ((age(each["judged_at"]), each["status"], each["observed"]) for each in items),
            "It was not judged yet.",
        )


@findings_app.command("list")
def list_findings(
    type: Annotated[str, typer.Option(help="Such as email.")] = "",
    status: Annotated[str, typer.Option(help="suggested, accepted or rejected.")] = "",
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List what columns seem to hold."""
    items = Client().pages("/v1/findings", limit, type=type, status=status)
    if not show(items, as_json):
        table(
            ("dataset", "column", "seems to hold", "because", "status", "id"),
            (
                (
                    f["qualified_name"],
                    f["column"],
                    f["type"],
                    f["method"] if f["method"] == "name" else f"{f['matched']} of {f['seen']} values",
                    f["status"],
                    f["uuid"],
                )
                for f in items
            ),
            "Nothing was found.",
        )


def _decide(name: str, finding: str, decision: str, as_json: bool) -> None:
    client = Client()
    address = f"/v1/datasets/{client.dataset(name)['uuid']}/findings/{finding}"
    done = client.ask("POST", address, body={"decision": decision})
    if not show(done, as_json):
        out.print(Text(f"It is {decision}."))


@findings_app.command("accept")
def accept(name: Name, finding: str, as_json: Json = False) -> None:
    """Accept a finding, which tags the column."""
    _decide(name, finding, "accepted", as_json)


@findings_app.command("reject")
def reject(name: Name, finding: str, as_json: Json = False) -> None:
    """Reject a finding; it is not suggested again."""
    _decide(name, finding, "rejected", as_json)
