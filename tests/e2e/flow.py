"""One table's way, the same in a home of one machine and on the stack: it changes in its source, and is found, versioned, sampled, judged and shown."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect

from tests.e2e.conftest import Stack, eventually

CONTACTS = [(f"somebody{number}@mail.example", number) for number in range(40)]


def change(path: Path, *statements: str, rows: list[tuple[Any, ...]] | None = None) -> None:
    """Change the source as its owner does."""
    with sqlite3.connect(path) as source:
        for statement in statements[: -1 if rows else None]:
            source.execute(statement)
        if rows:
            source.executemany(statements[-1], rows)
    source.close()


def a_table_goes_all_the_way(stack: Stack, folder: Path, browser: Browser) -> None:
    """Change a table in its source, and see each stage in turn, the last of them in a browser."""
    path, name = folder / "shop.sqlite3", f"flow{os.getpid()}"
    change(path, "CREATE TABLE orders (id INTEGER PRIMARY KEY, total INTEGER)")
    change(path, "INSERT INTO orders VALUES (?, 5)", rows=[(number,) for number in range(40)])
    stack.connects(name, "sqlite", {"path": str(path)}, allows_sampling=True)
    try:
        _follow(stack, path, name, browser)
    finally:
        stack.removes(name)


def _follow(stack: Stack, path: Path, name: str, browser: Browser) -> None:
    stack.syncs(name)
    table = f"{name}/main/orders"
    key = stack.find(table)["uuid"]
    eventually(lambda: stack.ask(f"/v1/datasets/{key}/quality")["profile"], what="the first profile")
    assert stack.ask(f"/v1/violations?dataset={key}&policy=personal-columns-are-tagged")["items"] == []
    change(path, "ALTER TABLE orders ADD COLUMN reach_at TEXT")
    change(path, "UPDATE orders SET reach_at = ? WHERE id = ?", rows=CONTACTS)
    stack.syncs(name)

    # Found by its new column, and by what that seems to hold.
    eventually(lambda: table in stack.hits(f"column:reach_at catalog:{name}"), what="the column in the index")
    eventually(lambda: table in stack.hits(f"finding:email catalog:{name}"), what="the finding in the index")
    # Versioned: as a definition, and as a subject.
    assert [each["number"] for each in stack.ask(f"/v1/datasets/{key}/versions")["items"]] == [2, 1]
    subject = f"/registry/subjects/:.tables:{table}/versions"
    eventually(lambda: stack.versions(subject) == [1, 2], what="the subject's second version")
    # Sampled.
    columns = stack.ask(f"/v1/datasets/{key}/quality")["profile"]["columns"]
    assert [(column["path"], column["nulls"]) for column in columns] == [("id", 0), ("total", 0), ("reach_at", 0)]
    # Judged.
    asked = f"/v1/violations?dataset={key}&policy=personal-columns-are-tagged"
    (violation,) = eventually(lambda: stack.ask(asked)["items"], what="the violation")
    assert violation["column"] == "reach_at"
    # Shown.
    page = browser.new_page()
    page.goto(f"{stack.url}/violations/{violation['uuid']}")
    if page.get_by_label("Password").count():
        page.get_by_label("User").fill(stack.credentials["user"])
        page.get_by_label("Password").fill(stack.credentials["password"])
        page.keyboard.press("Enter")
    expect(page.get_by_text("reach_at seems to hold email and is not tagged pii").first).to_be_visible()
    page.goto(f"{stack.url}/quality/{table}")
    page.get_by_role("button", name="Accept, tag pii").click()
    expect(page.get_by_text("Accepted; the column is tagged.")).to_be_visible()
    page.close()
    eventually(lambda: stack.ask(asked)["items"] == [], what="the end of the violation")
    assert stack.find(table)["columns"][-1]["tags"] == ["pii"]
