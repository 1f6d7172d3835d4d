"""Schemas: subjects and their versions, whether a schema may follow, registering one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.text import Text

from deploy.cli.base import Client, Json, Limit, age, err, fail, out, show, table

schemas_app = typer.Typer(help="The schema registry: subjects, versions, compatibility.", no_args_is_help=True)

SubjectArgument = Annotated[str, typer.Argument(help="A subject, such as orders-value or :.tables:shop/db/orders.")]
SchemaFile = Annotated[str, typer.Argument(help="A file with the schema; - for standard input.")]


def _address(subject: str) -> str:
    return f"/registry/subjects/{quote(subject, safe='')}"


def _text(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    try:
        return Path(file).read_text()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file} cannot be read: {error}")


@schemas_app.command("list")
def list_subjects(
    text: Annotated[str, typer.Argument(help="A part of the name.")] = "",
    tables: Annotated[bool, typer.Option("--tables", help="The subjects of tables.")] = False,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List subjects."""
    items = Client().pages("/v1/subjects", limit, q=text, context=".tables" if tables else "")
    if not show(items, as_json):
        table(
            ("subject", "version", "level", "changed"),
            ((each["subject"], each["latest"], each["level"], age(each["changed_at"])) for each in items),
            "No subject. Point a Confluent client at /registry, or ask for --tables.",
        )


@schemas_app.command("show")
def show_subject(
    subject: SubjectArgument,
    version: Annotated[int | None, typer.Option(help="This version; the newest without it.")] = None,
    as_json: Json = False,
) -> None:
    """Print the schema of a subject."""
    found = Client().ask("GET", f"{_address(subject)}/versions/{version or 'latest'}")
    if not show(found, as_json):
        err.print(Text(f"{found['subject']}, version {found['version']}, id {found['id']}"))
        out.print_json(found["schema"])


@schemas_app.command("versions")
def list_versions(subject: SubjectArgument, limit: Limit = 20, as_json: Json = False) -> None:
    """List the versions of a subject, newest first."""
    items = Client().pages("/v1/subjects/versions", limit, subject=subject)
    if not show(items, as_json):
        table(
            ("version", "id", "registered", "by"),
            ((each["number"], each["schema_id"], age(each["created_at"]), each["author"]) for each in items),
            "No version.",
        )


@schemas_app.command("diff")
def diff(
    subject: SubjectArgument,
    before: Annotated[int, typer.Argument(help="A version.")],
    after: Annotated[int, typer.Argument(help="A later one.")],
    as_json: Json = False,
) -> None:
    """Show what changed from one version to another."""
    found = Client().ask("GET", "/v1/subjects/changes", subject=subject, before=before, after=after)
    if show(found, as_json):
        return
    table(
        ("", "field", "before", "after"),
        (
            (
                "+" if each["before"] is None else "-" if each["after"] is None else "~",
                each["path"],
                (each["before"] or {}).get("type"),
                (each["after"] or {}).get("type"),
            )
            for each in found["changes"]
        ),
        "No field changed.",
    )
    _print_failing(found["failing"])


def _print_failing(failing: list[dict[str, Any]]) -> None:
    for direction in failing:
        whose = "readers of the new schema" if direction["reader"] == "new" else "readers of the old schema"
        for reason in direction["reasons"]:
            err.print(Text(f"  {whose}: {reason['message']}. {reason['hint']}"))


@schemas_app.command("check")
def check(subject: SubjectArgument, file: SchemaFile, as_json: Json = False) -> None:
    """Say whether a schema may follow in a subject, and why not; ends with 1 if it may not. Nothing is registered."""
    found = Client().ask("POST", "/v1/subjects/check", body={"subject": subject, "schema": _text(file)})
    if not show(found, as_json):
        for version in found["versions"]:
            if version["failing"]:
                err.print(Text(f"version {version['number']}:"))
                _print_failing(version["failing"])
        out.print(Text(f"{'compatible' if found['is_compatible'] else 'incompatible'} by {found['level']}"))
    if not found["is_compatible"]:
        raise typer.Exit(1)


@schemas_app.command("register")
def register(subject: SubjectArgument, file: SchemaFile, as_json: Json = False) -> None:
    """Register a schema under a subject; one that is there already keeps its version."""
    client = Client()
    body = {"schema": _text(file)}
    found = client.ask("POST", f"{_address(subject)}/versions", body=body)
    if not show(found, as_json):
        out.print(Text(f"id {found['id']}"))


@schemas_app.command("level")
def level(
    subject: Annotated[str, typer.Argument(help="A subject; * for all that have none of their own.")],
    to: Annotated[str, typer.Argument(help="NONE, BACKWARD, FORWARD, FULL, or one of these with _TRANSITIVE.")] = "",
    as_json: Json = False,
) -> None:
    """Show or set the compatibility level."""
    address = "/registry/config" if subject == "*" else f"/registry/config/{quote(subject, safe='')}"
    if to:
        Client().ask("PUT", address, body={"compatibility": to})
    found = Client().ask("GET", address, defaultToGlobal="true")
    if not show(found, as_json):
        out.print(Text(found["compatibilityLevel"]))


@schemas_app.command("delete")
def delete(
    subject: SubjectArgument,
    version: Annotated[int | None, typer.Option(help="This version only.")] = None,
    permanent: Annotated[bool, typer.Option("--permanent", help="For good, what was deleted before.")] = False,
    as_json: Json = False,
) -> None:
    """Delete a subject or one version, softly unless it is for good."""
    address = _address(subject) + (f"/versions/{version}" if version else "")
    gone = Client().ask("DELETE", address, permanent="true" if permanent else "")
    if not show(gone, as_json):
        out.print(Text(f"deleted {', '.join(map(str, gone if isinstance(gone, list) else [gone]))}"))
