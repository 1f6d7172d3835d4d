"""Tokens, grants, the audit and the changes of the journal."""

from __future__ import annotations

import sys
import uuid
from typing import Annotated

import typer

from deploy.cli.base import Client, Json, Limit, age, app, out, show, table

tokens_app = typer.Typer(help="Your API tokens.", no_args_is_help=True)


grants_app = typer.Typer(help="Who may do what (operators).", no_args_is_help=True)


@tokens_app.command("list")
def list_tokens(as_json: Json = False) -> None:
    """List your tokens."""
    items = Client().ask("GET", "/v1/tokens")["items"]
    if not show(items, as_json):
        table(
            ("token", "name", "begins with", "used", "ends"),
            (
                (t["uuid"], t["name"], t["hint"], age(t["last_used_at"]), t["expires_at"] or "when revoked")
                for t in items
            ),
            "No token yet.",
        )


@tokens_app.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="What will use it.")],
    days: Annotated[int, typer.Option(help="Days until it ends; 0 for when it is revoked.")] = 90,
    as_json: Json = False,
) -> None:
    """Make a token; it is shown this once."""
    answer = Client().ask("POST", "/v1/tokens", body={"name": name, "days": days or None})
    if not show(answer, as_json):
        sys.stdout.write(answer["secret"] + "\n")


@tokens_app.command("revoke")
def revoke_token(token: uuid.UUID, as_json: Json = False) -> None:
    """End a token at once."""
    answer = Client().ask("DELETE", f"/v1/tokens/{token}")
    if not show(answer, as_json):
        out.print("Revoked.")


@grants_app.command("list")
def list_grants(limit: Limit = 200, as_json: Json = False) -> None:
    """List who may do what."""
    items = Client().pages("/v1/grants", limit)
    if not show(items, as_json):
        table(
            ("grant", "pattern", "role", "to"),
            (
                (g["uuid"], g["pattern"], g["role"], g["user"] or (f"team {g['team']}" if g["team"] else "everyone"))
                for g in items
            ),
            "No grant: only operators see anything.",
        )


@grants_app.command("add")
def add_grant(
    role: str,
    pattern: str,
    user: Annotated[str | None, typer.Option(help="To this user.")] = None,
    team: Annotated[str | None, typer.Option(help="To this team; neither means everyone.")] = None,
    as_json: Json = False,
) -> None:
    """Grant a role on a pattern of names."""
    answer = Client().ask("POST", "/v1/grants", body={"role": role, "pattern": pattern, "user": user, "team": team})
    if not show(answer, as_json):
        out.print("Granted.")


@grants_app.command("revoke")
def revoke_grant(grant: uuid.UUID, as_json: Json = False) -> None:
    """Take a grant back."""
    answer = Client().ask("DELETE", f"/v1/grants/{grant}")
    if not show(answer, as_json):
        out.print("Revoked.")


@app.command()
def audit(
    principal: Annotated[str | None, typer.Option(help="Only what this one did, such as user:mara.")] = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """Say who changed what, newest first."""
    items = Client().pages("/v1/audit", limit, principal=principal)
    if not show(items, as_json):
        table(
            ("when", "who", "door", "what", "of"),
            ((age(r["recorded_at"]), r["principal"], r["door"], r["action"], r["subject"]) for r in items),
            "Nothing was changed yet.",
        )


@app.command()
def changes(
    after: Annotated[int, typer.Option(help="The position read last.")] = 0, limit: Limit = 50, as_json: Json = False
) -> None:
    """Follow the journal of changes from a position on."""
    answer = Client().ask("GET", "/v1/changes", after=after, limit=limit)
    if not show(answer, as_json):
        table(
            ("position", "aspect", "operation", "of"),
            (
                (c["position"], c["aspect"], c["operation"], c["payload"].get("qualified_name", c["subject_kind"]))
                for c in answer["items"]
            ),
            "Nothing behind this position.",
        )
