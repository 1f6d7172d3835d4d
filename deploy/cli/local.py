"""What needs the local home."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from deploy.cli.base import (
    Json,
    app,
    fail,
    local_home,
    out,
    show,
)

demo_app = typer.Typer(help="Data to try things on (needs the local home).", no_args_is_help=True)


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

    target = (path or local_home() / "generated" / f"{tables}.duckdb").absolute()
    generate_duckdb(target, tables=tables, columns=columns)
    if not show({"path": str(target), "tables": tables, "columns": columns}, as_json):
        out.print(
            Text(f"Made {target}. Connect it:\n  cairn catalogs add generated --type duckdb --option path={target}")
        )
