"""What all commands share: the client of the REST API, and how answers are printed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import httpx
import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

app = typer.Typer(help="Find, describe and connect datasets.", no_args_is_help=True, pretty_exceptions_enable=False)


_CONTROLS = {code: "\ufffd" for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (0x09, 0x0A)}
PIPED_WIDTH = 400
IDS = frozenset(["grant", "hold", "id", "run", "token"])
"""Columns of what is copied into the next command, and so never cut in two."""


class _Terminal(Console):
    """Prints what others wrote, and lets none of it speak to the terminal; into a pipe it prints long lines as they are."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr)
        if not self.is_terminal and "COLUMNS" not in os.environ:
            self.width = PIPED_WIDTH

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Yield the parts of what is printed, without control characters but those of the console itself."""
        for part in super().render(renderable, options):
            yield part if part.control else Segment(part.text.translate(_CONTROLS), part.style)


out = _Terminal()


err = _Terminal(stderr=True)


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
        # Said of requests without a body too: an open home takes what no page of another site can send.
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
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
                said = answer.json()
                fail(str(said["detail"] if "detail" in said else said["message"]))
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


def local_home() -> Path:
    """Return the folder of the local home, be it there or not."""
    return Path(os.environ.get("CAIRN_HOME") or Path(__file__).resolve().parents[2] / ".cairn")


def _local_credentials() -> dict[str, str]:
    from deploy.home import read_credentials

    return read_credentials(local_home())


def show(value: Any, as_json: bool) -> bool:
    """Print a value as JSON if that is asked for; return whether it was."""
    if as_json:
        sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    return as_json


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], empty: str) -> None:
    """Print rows as a table, or one line that says what to do where there are none."""
    made = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold", no_wrap=column in IDS)
    count = 0
    for row in rows:
        made.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
        count += 1
    if count:
        out.print(made)
    else:
        out.print(empty)


def age(moment: str | None) -> str:
    """Return how long ago a moment was, in words."""
    if not moment:
        return "never"
    from datetime import UTC, datetime

    seconds = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if abs(seconds) >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{int(seconds)} s ago"
