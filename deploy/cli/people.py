"""Users and teams, for operators."""

from __future__ import annotations

import sys
from typing import Annotated
from urllib.parse import quote

import typer

from deploy.cli.base import Client, Json, Limit, age, fail, out, show, table

users_app = typer.Typer(help="Who may sign in (operators).", no_args_is_help=True)
teams_app = typer.Typer(help="Who owns and is granted things together (operators).", no_args_is_help=True)

Username = Annotated[str, typer.Argument(help="The user's name, such as mara.")]


@users_app.command("list")
def list_users(
    text: Annotated[str, typer.Argument(help="What stands in the name or the e-mail.")] = "",
    team: Annotated[str | None, typer.Option(help="Only members of this team.")] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List users."""
    items = Client().pages("/v1/users", limit, q=text, team=team)
    if not show(items, as_json):
        table(
            ("user", "name", "e-mail", "teams", "signed in", ""),
            (
                (u["username"], u["display_name"], u["email"], ", ".join(u["teams"]), age(u["last_login"]), _marks(u))
                for u in items
            ),
            "No user fits.",
        )


def _marks(user: dict[str, object]) -> str:
    marks = (("operator", user["is_operator"]), ("deactivated", not user["is_active"]))
    return ", ".join(name for name, holds in marks if holds)


def _password() -> str:
    """Return a password from the standard input: typed unseen, or its first line where that is no terminal."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")


@users_app.command("add")
def add_user(
    username: Username,
    name: Annotated[str, typer.Option(help="What is shown of them.")] = "",
    email: str = "",
    operator: Annotated[bool, typer.Option("--operator", help="May do everything.")] = False,
    password: Annotated[bool, typer.Option("--password", help="Ask for a password; without it only tokens.")] = False,
    as_json: Json = False,
) -> None:
    """Create a user. A password is asked for, or read from the standard input; it never stands on the command line."""
    body = {"username": username, "display_name": name, "email": email, "operator": operator}
    answer = Client().ask("POST", "/v1/users", body=body | ({"password": _password()} if password else {}))
    if not show(answer, as_json):
        out.print(f"{username} is there." + ("" if password else " It has no password yet: cairn users password"))


@users_app.command("password")
def set_password(username: Username, as_json: Json = False) -> None:
    """Set a user's password, asked for or read from the standard input; it signs them out everywhere."""
    Client().ask("PUT", f"/v1/users/{quote(username, safe='')}/password", body={"password": _password()})
    if not show({"username": username}, as_json):
        out.print(f"The password of {username} is set.")


@users_app.command("change")
def change_user(
    username: Username,
    name: Annotated[str | None, typer.Option(help="What is shown of them.")] = None,
    email: str | None = None,
    time_zone: Annotated[str | None, typer.Option(help="Such as Europe/Berlin; empty for UTC.")] = None,
    operator: Annotated[bool | None, typer.Option("--operator/--no-operator", help="May do everything.")] = None,
    active: Annotated[bool | None, typer.Option("--active/--no-active", help="Is let in.")] = None,
    as_json: Json = False,
) -> None:
    """Change a user."""
    given = {"display_name": name, "email": email, "time_zone": time_zone, "operator": operator, "active": active}
    body = {key: value for key, value in given.items() if value is not None}
    if not body:
        fail("say what to change; see --help", 2)
    answer = Client().ask("PATCH", f"/v1/users/{quote(username, safe='')}", body=body)
    if not show(answer, as_json):
        out.print(f"{username} is changed.")


@teams_app.command("list")
def list_teams(limit: Limit = 50, as_json: Json = False) -> None:
    """List teams."""
    items = Client().pages("/v1/teams", limit)
    if not show(items, as_json):
        table(
            ("team", "name", "members"), ((t["name"], t["display_name"], t["members"]) for t in items), "No team yet."
        )


Members = Annotated[list[str], typer.Argument(help="Users, such as mara jonas.")]


@teams_app.command("add")
def add_team(
    name: str,
    members: Members = [],
    display: Annotated[str, typer.Option(help="What is shown of it.")] = "",
    as_json: Json = False,
) -> None:
    """Create a team."""
    body = {"name": name, "display_name": display, "members": members}
    answer = Client().ask("POST", "/v1/teams", body=body)
    if not show(answer, as_json):
        out.print(f"{name} is there.")


@teams_app.command("members")
def set_members(name: str, members: Members, as_json: Json = False) -> None:
    """Say who is in a team: these users and nobody else."""
    answer = Client().ask("PATCH", f"/v1/teams/{quote(name, safe='')}", body={"members": members})
    if not show(answer, as_json):
        out.print(f"{name} has {answer['members']} members.")
