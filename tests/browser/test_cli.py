"""The command line against a running Cairn: what its README shows, and `--json` on every command."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time

import duckdb
import pytest
import typer

from deploy.cli import app

pytestmark = pytest.mark.slow
TOKEN = "browser-tests-token"


@pytest.fixture
def run(cairn):
    """Return a function that runs a command and gives its exit code, output and errors."""

    def run(*arguments, token=TOKEN, url=None, typed="", columns="160"):
        done = subprocess.run(
            [sys.executable, "-m", "deploy.cli", *arguments],
            env={
                **{k: v for k, v in os.environ.items() if not k.startswith(("CAIRN_", "DJANGO"))},
                "CAIRN_URL": url or cairn.url,
                "CAIRN_TOKEN": token,
                "CAIRN_HOME": str(cairn.home),
                "COLUMNS": columns,
            },
            capture_output=True,
            input=typed,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run


def as_json(run, *arguments):
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_a_source_is_added_synced_found_described_and_removed(run, tmp_path):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE parcels (id INTEGER, address TEXT)")
    connection.close()
    assert "It answers: SQLite" in run("catalogs", "test", "--type", "sqlite", "--option", f"path={path}")[1]
    assert run("catalogs", "add", "parcelshop", "--type", "sqlite", "--option", f"path={path}")[0] == 0
    code, out, _ = run("sync", "parcelshop", "--wait")
    assert (code, out.startswith("done")) == (0, True)
    path = path.rename(tmp_path / "moved.db")
    assert "there is no file" in run("catalogs", "change", "parcelshop", "--option", "path=/nowhere")[2]
    assert "is changed" in run("catalogs", "change", "parcelshop", "--option", f"path={path}")[1]
    assert as_json(run, "catalogs", "show", "parcelshop")["options"] == {"path": str(path)}
    assert run("catalogs", "change", "parcelshop")[0] == 2
    name = "parcelshop/main/parcels"
    deadline = time.monotonic() + 10
    while name not in run("search", "parcels")[1] and time.monotonic() < deadline:
        time.sleep(0.2)
    assert name in run("search", "parcels")[1]
    assert "address" in run("show", name)[1]
    assert run("describe", name, "What is on its way.")[1] == "Described.\n"
    assert run("tag", name, "pii", "--column", "address")[1] == "Tagged.\n"
    assert run("own", name, "user:admin")[0] == 0
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE parcels ADD COLUMN weight REAL")
    connection.close()
    run("sync", "parcelshop", "--wait")
    assert "column_added" in run("diff", name)[1]
    assert "column_added weight" in run("versions", name)[1]
    assert "What is on its way." in run("history", name)[1]
    shown = as_json(run, "show", name)
    assert shown["description"]["text"] == "What is on its way."
    assert [column["tags"] for column in shown["columns"]] == [[], ["pii"], []]
    assert run("catalogs", "pause", "parcelshop")[0] == 0
    assert "is paused" in run("sync", "parcelshop")[2]
    assert run("catalogs", "remove", "parcelshop", "--yes")[0] == 0
    assert "no catalog 'parcelshop'" in run("catalogs", "show", "parcelshop")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ("catalogs", "list"),
        ("catalogs", "types"),
        ("catalogs", "show", "lake"),
        ("search", "customer"),
        ("show", "lake/events/play_events"),
        ("versions", "lake/events/play_events"),
        ("diff", "lake/events/play_events"),
        ("history", "accounts/main/customers"),
        ("lineage", "analytics/marts/monthly_recurring_revenue"),
        ("lineage", "analytics/marts/monthly_recurring_revenue", "--column", "mrr_cents"),
        ("jobs", "list"),
        ("runs", "list"),
        ("holds", "list"),
        ("tokens", "list"),
        ("grants", "list"),
        ("bookmarks",),
        ("views", "list"),
        ("users", "list"),
        ("teams", "list"),
        ("audit",),
        ("changes",),
    ],
    ids=" ".join,
)
def test_reading_commands_print_tables_for_people_and_json_for_programs(run, arguments):
    assert isinstance(as_json(run, *arguments), (list, dict))
    code, out, _ = run(*arguments)
    assert code == 0
    assert out.strip()


def test_what_others_wrote_cannot_speak_to_the_terminal(run, tmp_path):
    path = tmp_path / "odd.db"
    with sqlite3.connect(path) as connection:
        connection.execute('CREATE TABLE notes ("a\x1b[31m" INTEGER)')
    connection.close()
    assert run("catalogs", "add", "odd", "--type", "sqlite", "--option", f"path={path}")[0] == 0
    assert run("sync", "odd", "--wait")[0] == 0
    assert run("describe", "odd/main/notes", "\x1b]0;owned\x07 and \x9b1m\ntwo lines")[0] == 0
    _, out, _ = run("show", "odd/main/notes")
    assert "\ufffd]0;owned and \ufffd1m\ntwo lines" in out
    assert "a\ufffd[31m" in out
    assert not {"\x1b", "\x07", "\x9b"} & set(out)
    assert run("catalogs", "remove", "odd", "--yes")[0] == 0


def test_what_is_copied_is_never_cut_in_two(run):
    key = as_json(run, "runs", "list")[0]["uuid"]
    assert any(line.split()[:1] == [key] for line in run("runs", "list", columns="60")[1].splitlines())


def test_users_teams_views_and_bookmarks_are_kept_from_here(run):
    assert run("users", "add", "cli-user", "--name", "Clio", "--password", typed="a long enough word\n")[0] == 0
    assert "at least 10 characters" in run("users", "password", "cli-user", typed="short\n")[2]
    assert as_json(run, "users", "change", "cli-user", "--no-active", "--time-zone", "Asia/Tokyo")["is_active"] is False
    assert "say what to change" in run("users", "change", "cli-user")[2]
    assert run("teams", "add", "cli-team", "cli-user", "mara")[0] == 0
    assert "has 1 members" in run("teams", "members", "cli-team", "mara")[1]
    assert [user["username"] for user in as_json(run, "users", "list", "--team", "cli-team")] == ["mara"]
    assert run("bookmark", "lake/content/titles")[1] == "Bookmarked.\n"
    assert "lake/content/titles" in run("bookmarks")[1]
    assert run("bookmark", "lake/content/titles", "--remove")[0] == 0
    assert run("views", "save", "cli-view", "kind:view", "catalog:accounts", "--shared")[0] == 0
    found = as_json(run, "search", "--view", "cli-view", "active")["items"]
    assert found[0]["qualified_name"] == "accounts/main/active_customers"
    assert run("views", "remove", "cli-view")[0] == 0
    assert "no view named" in run("search", "--view", "cli-view")[2]


def test_a_token_made_here_works_and_ends_here(run):
    made = as_json(run, "tokens", "create", "job")
    assert run("catalogs", "list", token=made["secret"])[0] == 0
    assert run("tokens", "revoke", made["uuid"])[0] == 0
    time.sleep(1.5)
    assert "unknown, expired or revoked" in run("catalogs", "list", token=made["secret"])[2]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("show", "lake/events/play_event"), 1, "nearest: 'lake/events/play_events'"),
        (("search", "ownr:x"), 1, "did you mean 'owner:'"),
        (("catalogs", "add", "x", "--type", "oracle"), 1, "there is no connector 'oracle'"),
        (("catalogs", "add", "x", "--type", "sqlite", "--option", "path"), 2, "NAME=VALUE"),
        (("runs", "show", "nonsense"), 2, "Invalid value for"),
        (("rebuild", "nothing"), 2, "there are access, search"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(run, arguments, code, said):
    found, _, err = run(*arguments)
    assert found == code
    assert said in " ".join(err.split())
    assert "Traceback" not in err


def test_a_server_that_is_not_there_is_named(run):
    code, _, err = run("search", "x", url="http://127.0.0.1:9")
    assert code == 1
    assert "does not answer" in err


def test_the_local_commands_find_the_home(run, tmp_path):
    made = as_json(run, "demo", "generate", "--tables", "50", "--path", str(tmp_path / "g.duckdb"))
    with duckdb.connect(made["path"], read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (50,)
    assert "worker rebuilds search" in run("rebuild", "search")[1]
    assert "is running on" in run("doctor")[1]


def test_every_command_can_print_json():
    group = typer.main.get_command(app)

    def commands(command, path=()):
        for name, each in getattr(command, "commands", {}).items():
            yield from commands(each, (*path, name)) if hasattr(each, "commands") else [((*path, name), each)]

    for path, command in commands(group):
        assert "--json" in {option for parameter in command.params for option in parameter.opts}, path
        assert command.help, path
