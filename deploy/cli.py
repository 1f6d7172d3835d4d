"""The command line: a client of the REST API by CAIRN_URL and CAIRN_TOKEN. What needs the local home says so in its help."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn
from urllib.parse import quote

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

app = typer.Typer(help="Find, describe and connect datasets.", no_args_is_help=True, pretty_exceptions_enable=False)
catalogs_app = typer.Typer(help="Connect sources and look after them.", no_args_is_help=True)
runs_app = typer.Typer(help="Long jobs.", no_args_is_help=True)
tokens_app = typer.Typer(help="Your API tokens.", no_args_is_help=True)
grants_app = typer.Typer(help="Who may do what (operators).", no_args_is_help=True)
holds_app = typer.Typer(help="Syncs that ask before they drop (operators).", no_args_is_help=True)
demo_app = typer.Typer(help="Data to try things on (needs the local home).", no_args_is_help=True)
for name, part in (
    ("catalogs", catalogs_app),
    ("runs", runs_app),
    ("tokens", tokens_app),
    ("grants", grants_app),
    ("holds", holds_app),
    ("demo", demo_app),
):
    app.add_typer(part, name=name)

out = Console()
err = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=200, help="How many at most.")]
DatasetName = Annotated[str, typer.Argument(help="Qualified name, such as lake/events/play_events.")]
ColumnPath = Annotated[str | None, typer.Option("--column", "-c", help="A column of it, by its path.")]


def fail(text: str, code: int = 1) -> NoReturn:
    """Say what is wrong on the error stream and end."""
    err.print(Text(f"cairn: {text}"))
    raise typer.Exit(code)


class Client:
    """The REST API with the credentials of the environment, or of the local home where those are missing."""

    def __init__(self) -> None:
        known = _local_credentials()
        self.url = (os.environ.get("CAIRN_URL") or known.get("url") or "http://localhost:8000").rstrip("/")
        token = os.environ.get("CAIRN_TOKEN") or known.get("token")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.http = httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def ask(
        self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None, **params: Any
    ) -> Any:
        """Return the answer's JSON; a refusal ends the command with its own words."""
        given = {key: value for key, value in params.items() if value not in (None, "")}
        try:
            answer = self.http.request(method, path, json=body, params=given, headers=headers)
        except httpx.HTTPError as error:
            fail(
                f"{self.url} does not answer ({type(error).__name__}); is it running? Set CAIRN_URL to another address"
            )
        if answer.status_code >= 400:
            try:
                fail(str(answer.json()["detail"]))
            except (ValueError, KeyError):
                fail(f"{self.url}{path} answered {answer.status_code}")
        return answer.json() if answer.content else None

    def pages(self, path: str, limit: int, **params: Any) -> list[dict[str, Any]]:
        """Return up to ``limit`` items of a list, page by page."""
        items: list[dict[str, Any]] = []
        cursor = ""
        while len(items) < limit:
            page = self.ask("GET", path, limit=min(200, limit - len(items)), cursor=cursor, **params)
            items += page["items"]
            cursor = page.get("next")
            if not cursor:
                break
        return items

    def dataset(self, name: str) -> dict[str, Any]:
        """Return a dataset by its qualified name."""
        found: dict[str, Any] = self.ask("GET", "/v1/datasets", name=name)
        return found


def _local_credentials() -> dict[str, str]:
    from deploy.home import read_credentials

    default = Path(__file__).resolve().parent.parent / ".cairn"
    return read_credentials(Path(os.environ.get("CAIRN_HOME") or default))


def show(value: Any, as_json: bool) -> bool:
    """Print a value as JSON if that is asked for; return whether it was."""
    if as_json:
        sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    return as_json


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], empty: str) -> None:
    """Print rows as a table, or one line that says what to do where there are none."""
    made = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    count = 0
    for row in rows:
        made.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
        count += 1
    if count:
        out.print(made)
    else:
        out.print(empty)


def _age(moment: str | None) -> str:
    if not moment:
        return "never"
    from datetime import UTC, datetime

    seconds = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if abs(seconds) >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{int(seconds)} s ago"


# Finding and reading


@app.command()
def search(
    query: Annotated[list[str], typer.Argument(help="Words and filters, such as: customer tag:pii -name:tmp_*")],
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """Find datasets, best first."""
    answer = Client().ask("GET", "/v1/search", q=" ".join(query), limit=limit)
    if show(answer, as_json):
        return
    table(
        ("dataset", "platform", "owners", "description"),
        ((i["qualified_name"], i["platform"], ", ".join(i["owners"]), i["description"][:80]) for i in answer["items"]),
        "Nothing matches. Search for fewer words, or for the beginning of a name.",
    )
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
        "schema": f"version {dataset['schema_version']}, {_age(dataset['definition_changed_at'])}"
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
                    _age(v["recorded_at"]),
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
            "The two say the same.",
        )


@app.command()
def history(name: DatasetName, as_json: Json = False) -> None:
    """Say who said what of a dataset."""
    client = Client()
    items = client.ask("GET", f"/v1/datasets/{client.dataset(name)['uuid']}/claims")["items"]
    if not show(items, as_json):
        table(
            ("aspect", "of", "what", "by", "said", "ended"),
            (
                (
                    c["aspect"],
                    c["column"],
                    c["key"] or c["value"],
                    c["author"],
                    _age(c["said_at"]),
                    _age(c["ended_at"]) if c["ended_at"] else "",
                )
                for c in items
            ),
            "Nobody has said anything yet.",
        )


# Describing


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


# Catalogs


@catalogs_app.command("list")
def list_catalogs(as_json: Json = False) -> None:
    """List catalogs."""
    items = Client().ask("GET", "/v1/catalogs")["items"]
    if not show(items, as_json):
        table(
            ("catalog", "type", "state", "datasets", "synced", "trouble"),
            (
                (c["name"], c["platform"], c["state"], c["datasets"], _age(c["synced_at"]), c["last_error"])
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
        out.print(Text(f"It answers: {answer['version']}, {answer['databases']} databases."))


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
    _wait(client, run, as_json)


def _wait(client: Client, run: str, as_json: bool) -> None:
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
                completed=done.get("done", 0),
                total=done.get("total") or None,
            )
            if view["finished_at"]:
                break
            time.sleep(0.25)
    if not show(view, as_json):
        result = ", ".join(f"{value} {key}" for key, value in view["result"].items() if value not in (0, False))
        out.print(Text(f"{view['state']}: {view['error'] or result}"))
        if view["result"].get("held"):
            out.print("It asks before it drops: cairn holds list")
    if view["state"] != "done":
        raise typer.Exit(1)


# Runs


@runs_app.command("list")
def list_runs(state: str = "", limit: Limit = 20, as_json: Json = False) -> None:
    """List runs, newest first."""
    items = Client().pages("/v1/runs", limit, state=state)
    if not show(items, as_json):
        table(
            ("run", "kind", "subject", "state", "asked for", "trouble"),
            ((r["uuid"], r["kind"], r["subject"], r["state"], _age(r["created_at"]), r["error"][:60]) for r in items),
            "No run yet.",
        )


@runs_app.command("show")
def show_run(run: uuid.UUID, as_json: Json = False) -> None:
    """Show a run and what could not be read."""
    client = Client()
    view = client.ask("GET", f"/v1/runs/{run}")
    view["units"] = client.ask("GET", f"/v1/runs/{run}/units")["items"]
    if not show(view, as_json):
        out.print(Text(f"{view['kind']} of {view['subject']}: {view['state']} {view['error']}"))
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
    _wait(Client(), str(run), as_json)


@runs_app.command("cancel")
def cancel_run(run: uuid.UUID, as_json: Json = False) -> None:
    """Ask a run to stop; what it has done stays."""
    answer = Client().ask("POST", f"/v1/runs/{run}/cancel")
    if not show(answer, as_json):
        out.print(Text(f"It is {answer['state']}."))


# Holds, tokens, grants, audit


@holds_app.command("list")
def list_holds(as_json: Json = False) -> None:
    """List syncs that ask before they drop."""
    items = Client().ask("GET", "/v1/holds")["items"]
    if not show(items, as_json):
        table(
            ("hold", "catalog", "would drop", "of", "asked"),
            ((h["uuid"], h["catalog"], h["vanished"], h["known"], _age(h["asked_at"])) for h in items),
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


@tokens_app.command("list")
def list_tokens(as_json: Json = False) -> None:
    """List your tokens."""
    items = Client().ask("GET", "/v1/tokens")["items"]
    if not show(items, as_json):
        table(
            ("token", "name", "begins with", "used", "ends"),
            (
                (t["uuid"], t["name"], t["hint"], _age(t["last_used_at"]), t["expires_at"] or "when revoked")
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
def list_grants(as_json: Json = False) -> None:
    """List who may do what."""
    items = Client().ask("GET", "/v1/grants")["items"]
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
            ((_age(r["recorded_at"]), r["principal"], r["door"], r["action"], r["subject"]) for r in items),
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


# What needs the local home


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check this machine and home (needs the local home); `make doctor` also checks what comes before it."""
    from deploy.checks import checks

    found = [{"ok": well, "what": what, "mend": mend} for well, what, mend in checks()]
    if not show(found, as_json):
        for check in found:
            out.print(
                Text(
                    f"{'ok' if check['ok'] else 'no':4} {check['what']}"
                    + (f"\n     mend it: {check['mend']}" if not check["ok"] else "")
                )
            )
    if not all(check["ok"] for check in found):
        raise typer.Exit(1)


@app.command()
def rebuild(projection: Annotated[str, typer.Argument(help="search or access.")], as_json: Json = False) -> None:
    """Have a projection made anew from the tables (needs the local home); the worker does it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings.embedded")
    import django

    django.setup()
    from catalog.journal.projections import request_rebuild
    from deploy.flow import PROJECTIONS

    names = [each.name for each in PROJECTIONS]
    if projection not in names:
        fail(f"there is no projection '{projection}'; there are {', '.join(names)}", 2)
    request_rebuild(projection)
    if not show({"projection": projection, "requested": True}, as_json):
        out.print(Text(f"The worker rebuilds {projection}."))


@demo_app.command("generate")
def generate(
    tables: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many tables.")] = 1_000,
    columns: Annotated[int, typer.Option(min=1, max=500, help="Columns of each.")] = 12,
    path: Annotated[Path | None, typer.Option(help="The DuckDB file to make; in the home if left out.")] = None,
    as_json: Json = False,
) -> None:
    """Make a DuckDB file of many tables, to see how it goes with much."""
    from deploy.demo.generate import generate_duckdb

    home = Path(os.environ.get("CAIRN_HOME") or Path(__file__).resolve().parent.parent / ".cairn")
    target = (path or home / "generated" / f"{tables}.duckdb").absolute()
    generate_duckdb(target, tables=tables, columns=columns)
    if not show({"path": str(target), "tables": tables, "columns": columns}, as_json):
        out.print(
            Text(f"Made {target}. Connect it:\n  cairn catalogs add generated --type duckdb --option path={target}")
        )


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
