"""Policies: rules over datasets and columns, and what violates them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from deploy.cli.base import Client, Json, Limit, age, err, fail, out, show, table
from policy.starters import starter_policies

policies_app = typer.Typer(help="Policies: what shall be true of datasets and columns.", no_args_is_help=True)
violations_app = typer.Typer(help="Violations: what breaks policies.", no_args_is_help=True)

PolicyFile = Annotated[
    str, typer.Argument(help="A file with the rule; - for standard input; starter:NAME for one to begin with.")
]
Slug = Annotated[str, typer.Argument(help="The name of a policy.")]


def _text(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    if file.startswith("starter:"):
        known = starter_policies()
        if file[8:] not in known:
            fail(f"there is no starter {file[8:]!r}; there are {', '.join(known)}", 2)
        return known[file[8:]]
    try:
        return Path(file).read_text()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file} cannot be read: {error}")


@policies_app.command("list")
def list_policies(as_json: Json = False, limit: Limit = 50) -> None:
    """List policies by name."""
    items = Client().pages("/v1/policies", limit)
    if not show(items, as_json):
        table(
            ("policy", "title", "state", "severity", "open", "judged"),
            (
                (p["slug"], p["title"], p["state"], p["severity"], p["open_violations"], age(p["judged_at"]))
                for p in items
            ),
            "No policy. Begin with one: cairn policies save starter:tables-have-an-owner --activate",
        )


@policies_app.command("starters")
def list_starters(as_json: Json = False) -> None:
    """List the policies to begin with."""
    if not show(list(starter_policies()), as_json):
        table(("starter",), ((name,) for name in starter_policies()), "There is none.")


@policies_app.command("show")
def show_policy(slug: Slug, as_json: Json = False) -> None:
    """Print the text of a policy."""
    found = Client().ask("GET", f"/v1/policies/{slug}")
    if not show(found, as_json):
        err.print(Text(f"{found['slug']}, version {found['number']}{', judges' if found['is_active'] else ''}"))
        out.print(Text(found["text"]))


@policies_app.command("check")
def check(file: PolicyFile, as_json: Json = False) -> None:
    """Say what is wrong with a rule; ends with 1 if it may not judge. Nothing is stored."""
    found = Client().ask("POST", "/v1/policy-checks", body={"text": _text(file)})
    if not show(found, as_json):
        if found["problem"]:
            err.print(Text(f"line {found['line']}: {found['problem']}"))
        for each in found["surprises"]:
            err.print(Text(f"line {each['line']}: {each['reason']}"))
        out.print("It may judge." if found["is_sound"] else "It may not judge yet.")
    if not found["is_sound"]:
        raise typer.Exit(1)


@policies_app.command("dry-run")
def dry_run(file: PolicyFile, as_json: Json = False) -> None:
    """Say what a rule would make of all datasets; nothing is stored."""
    found = Client().ask("POST", "/v1/policy-dry-runs", body={"text": _text(file)})
    if show(found, as_json):
        return
    changes = found["changes"]
    out.print(Text(f"{found['looked_at']} of {found['datasets']} datasets in {found['seconds']:.1f} s"))
    table(
        ("newly failing", "newly passing", "still failing", "still passing", "not judged"),
        [
            (
                *(
                    changes.get(name, 0)
                    for name in ("newly_failing", "newly_passing", "still_failing", "still_passing")
                ),
                found["counts"].get("error", 0),
            )
        ],
        "",
    )
    if found["newly_failing"]:
        table(
            ("dataset", "column", "because"),
            ((each["qualified_name"], each["column"], each["message"]) for each in found["newly_failing"][:20]),
            "",
        )


@policies_app.command("save")
def save(
    file: PolicyFile,
    activate: Annotated[bool, typer.Option("--activate", help="Have it judge at once.")] = False,
    as_json: Json = False,
) -> None:
    """Keep a rule as the next version of the policy that it names."""
    client = Client()
    saved = client.ask("POST", "/v1/policies", body={"text": _text(file)})
    if activate:
        body = {"version": saved["version"]}
        saved["run"] = client.ask("POST", f"/v1/policies/{saved['slug']}/activation", body=body)["run"]
    if not show(saved, as_json):
        said = (
            "judges now"
            if activate
            else f"is saved; activate it: cairn policies activate {saved['slug']} {saved['version']}"
        )
        out.print(Text(f"{saved['slug']}, version {saved['version']} {said}"))


@policies_app.command("activate")
def activate(
    slug: Slug, version: Annotated[int, typer.Argument(help="The version that shall judge.")], as_json: Json = False
) -> None:
    """Make a version the one that judges; an earlier one to go back."""
    done = Client().ask("POST", f"/v1/policies/{slug}/activation", body={"version": version})
    if not show(done, as_json):
        out.print(Text(f"{slug}, version {version} judges now. Watch it: cairn runs wait {done['run']}"))


@policies_app.command("retire")
def retire(slug: Slug, as_json: Json = False) -> None:
    """Have a policy judge no more."""
    done = Client().ask("DELETE", f"/v1/policies/{slug}/activation")
    if not show(done, as_json):
        out.print(Text(f"{slug} judges no more."))


@policies_app.command("facts")
def facts(
    resource: Annotated[str, typer.Argument(help="dataset or column.")] = "dataset", as_json: Json = False
) -> None:
    """List what rules may ask of."""
    items = Client().ask("GET", "/v1/policy-facts", resource=resource)["items"]
    if not show(items, as_json):
        table(("fact", "type", "what it says"), ((f["name"], f["type"], f["help"]) for f in items), "")


@policies_app.command("of")
def of_dataset(name: Annotated[str, typer.Argument(help="A qualified name.")], as_json: Json = False) -> None:
    """Show what the policies say of a dataset now."""
    client = Client()
    items = client.ask("GET", f"/v1/datasets/{client.dataset(name)['uuid']}/policies")["items"]
    if not show(items, as_json):
        table(
            ("policy", "column", "verdict", "because"),
            (
                (
                    v["policy"],
                    v["column"],
                    v["verdict"].replace("_", " "),
                    v["message"] if v["verdict"] in ("fail", "error") else "",
                )
                for v in items
            ),
            "No policy judges it.",
        )


@violations_app.command("list")
def list_violations(
    policy: Annotated[str, typer.Option(help="Of this policy.")] = "",
    owner: Annotated[str, typer.Option(help="Of datasets that this handle owns; - for nobody.")] = "",
    mended: Annotated[bool, typer.Option("--mended", help="Those that were mended.")] = False,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List violations, newest first."""
    items = Client().pages("/v1/violations", limit, policy=policy, owner=owner, resolved="true" if mended else "")
    if not show(items, as_json):
        table(
            ("dataset", "column", "policy", "verdict", "because", "since", "id"),
            (
                (
                    v["qualified_name"],
                    v["column"],
                    v["policy"],
                    v["verdict"],
                    v["message"],
                    age(v["opened_at"]),
                    v["uuid"],
                )
                for v in items
            ),
            "Nothing violates a policy.",
        )


@violations_app.command("waive")
def waive(
    violation: Annotated[str, typer.Argument(help="The id of a violation.")],
    until: Annotated[str, typer.Option(help="A time, such as 2026-12-31.")],
    reason: Annotated[str, typer.Option(help="Why it is let be.")],
    as_json: Json = False,
) -> None:
    """Let a violation be until a time."""
    at = f"{until}T00:00:00Z" if len(until) == len("2026-12-31") else until
    made = Client().ask("POST", f"/v1/violations/{violation}/waiver", body={"reason": reason, "expires_at": at})
    if not show(made, as_json):
        out.print(Text(f"Waiver {made['waiver']}, until {until}."))
