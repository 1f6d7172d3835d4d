"""Every failpoint is killed (kill -9); afterwards the catalog equals the source, and nothing is told twice or lost."""

from __future__ import annotations

import random
import signal
import subprocess
import time

import pytest

import catalog.services.definitions
import catalog.sync.engine
import deploy.pump  # noqa: F401  declares its failpoints
import lineage.services.receiving
import schema_registry.services.table_subjects
from catalog.journal.failpoints import DECLARED

pytestmark = pytest.mark.slow

WRITES = [name for name in DECLARED if name.startswith("write.")]
SYNCS = [name for name in DECLARED if name.startswith(("sync.", "store."))]
PUMP = [name for name in DECLARED if name.startswith("pump.")]
REGISTRY = [name for name in DECLARED if name.startswith("registry.")]
POLICY = [name for name in DECLARED if name.startswith("policy.")]
DETECTION = [name for name in DECLARED if name.startswith("detection.")]
LINEAGE = [name for name in DECLARED if name.startswith("lineage.")]
assert catalog.services.definitions
assert lineage.services.receiving
assert schema_registry.services.table_subjects
assert catalog.sync.engine


def test_every_declared_failpoint_is_killed_here():
    assert set(DECLARED) == {*WRITES, *SYNCS, *PUMP, *LINEAGE, *REGISTRY, *DETECTION, *POLICY}
    assert all(gap for gap in DECLARED.values())


def must_be_whole(home, *, kept):
    """Assert that the catalog says what the source says, and that its own accounts are in order."""
    found = home.ok("check", home.source)
    assert found["stored"] == found["source"]
    assert found["open_intents"] == 0
    assert found["unfinished_runs"] == found["unfinished_units"] == 0
    assert found["positions"] is True
    assert found["wrong"] == []
    assert found["kept"] == kept


KEPT = ["mem/one/t0", "mem/two/t1", "mem/two/t2"]


GAPS_OF_A_WRITE = [(name, operation) for name in WRITES for operation in ("create", "rename", "rename_column", "drop")]
# On the write path only drops commit in a transaction of the store's own.
GAPS_OF_A_WRITE.append(("store.before_commit", "drop"))


@pytest.mark.parametrize(("failpoint", "operation"), GAPS_OF_A_WRITE)
def test_a_write_killed_anywhere_leaves_the_catalog_true(home, failpoint, operation):
    killed = home.run("write", operation, failpoint=failpoint)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    home.ok("recover")
    kept = ["mem/one/moved", *KEPT[1:]] if operation == "rename" and failpoint != "write.intent_recorded" else KEPT
    must_be_whole(home, kept=kept)
    again = home.run("write", operation)
    assert again.returncode == 0, again.stderr[-2000:]


@pytest.mark.parametrize("failpoint", [*SYNCS, "store.before_commit:3", "store.after_commit:2", "sync.unit_done:2"])
def test_a_sync_killed_anywhere_goes_on_and_ends_true(home, failpoint):
    home.ok("change_outside", home.source)
    killed = home.run("sync", failpoint=failpoint)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    home.ok("recover")
    must_be_whole(home, kept=KEPT)


@pytest.mark.parametrize("failpoint", PUMP)
def test_a_worker_killed_between_numbering_and_following_loses_nothing(home, failpoint):
    home.ok("change_outside", home.source)
    home.ok("sync")
    killed = home.run("settle", failpoint=failpoint)
    assert killed.returncode == -signal.SIGKILL
    home.ok("recover")
    must_be_whole(home, kept=KEPT)


@pytest.mark.parametrize("failpoint", [*LINEAGE, "lineage.applied:2"])
def test_events_killed_anywhere_are_kept_once_and_tell_their_edges_once(home, failpoint):
    if failpoint == "lineage.received":
        assert home.run("report", failpoint=failpoint).returncode == -signal.SIGKILL
        assert home.ok("check_lineage")["events"] == 0
    home.ok("report")
    home.ok("expire_cursors")
    if failpoint != "lineage.received":
        assert home.run("settle", failpoint=failpoint).returncode == -signal.SIGKILL
    home.ok("report")
    home.ok("expire_cursors")
    home.ok("settle")
    found = home.ok("check_lineage")
    # Two jobs, each with two inputs and two outputs.
    assert found == {
        "events": 6,
        "waiting": 0,
        "errors": [],
        "runs": 6,
        "observations": 6,
        "edges": [3] * 8,
        "superseded": 0,
        "stubs": 2,
    }


@pytest.mark.parametrize("failpoint", [*REGISTRY, "registry.registered:2"])
def test_schemas_killed_anywhere_are_registered_once(home, failpoint):
    doing = "settle" if failpoint == "registry.versioned" else "register"
    if doing == "settle":
        home.ok("change_outside", home.source)
        home.ok("sync")
        home.ok("expire_cursors")
    assert home.run(doing, failpoint=failpoint).returncode == -signal.SIGKILL
    home.ok("register")
    home.ok("expire_cursors")
    home.ok("settle")
    found = home.ok("check_registry")
    assert found["versions"] == [[1, 1], [2, 2], [3, 3]]
    assert (found["revision"], found["entries"], found["audited"]) == ([3], 3, 3)
    assert found["tables"] >= found["live"]


@pytest.mark.parametrize("failpoint", [*DETECTION, "detection.scanned:2"])
def test_scans_killed_anywhere_go_on_and_judge_once(home, failpoint):
    home.ok("allow", home.source)
    assert home.run("scan", failpoint=failpoint).returncode == -signal.SIGKILL
    home.ok("expire_cursors")
    home.ok("expire_runs")
    home.ok("scan")
    found = home.ok("check_scans")
    assert found == {
        "profiled": 8,
        "recorded": 8,
        "due": 0,
        "statuses": ["pass", "pass"],
        "results": 2,
        "judged": 2,
        "versions": [2, 2],
    }


@pytest.mark.parametrize("failpoint", POLICY)
def test_judging_killed_anywhere_goes_on_and_opens_each_violation_once(home, failpoint):
    home.ok("enact")
    assert home.run("settle", failpoint=failpoint).returncode == -signal.SIGKILL
    home.ok("change_outside", home.source)
    home.ok("expire_cursors")
    home.ok("expire_runs")
    home.ok("sync")
    home.ok("settle")
    found = home.ok("check_policies")
    assert found["open"] == found["other"] > 0
    assert found["opened"] == found["open"] + found["resolved"]
    assert set(found["counts"]) == {"pass", "fail"}


WRITERS = 8
CHANGES = 10_000


def test_eight_writers_lose_no_entry_and_projections_converge(subjects, tmp_path):
    """8 writers × 10,000 changes with pauses in their transactions; followers are killed and started at random meanwhile."""
    dice = random.Random(1)
    file = str(tmp_path / "seen.sqlite3")
    writers = [
        subprocess.Popen(subjects.command("writer", str(seed), str(CHANGES)), env=subjects.environment())
        for seed in range(WRITERS)
    ]

    def follow():
        holder = f"f{dice.randrange(10**6)}"
        return subprocess.Popen(subjects.command("follower", file, holder), env=subjects.environment())

    follower = follow()
    try:
        while any(writer.poll() is None for writer in writers):
            time.sleep(dice.uniform(1.5, 4))
            follower.kill()
            follower.wait()
            subjects.ok("expire_cursors")
            follower = follow()
        assert [writer.returncode for writer in writers] == [0] * WRITERS
    finally:
        for process in [follower, *writers]:
            process.kill()
            process.wait()
    subjects.ok("expire_cursors")
    subprocess.run(
        subjects.command("follower", file, "last"),
        env=subjects.environment(CAIRN_TEST_UNTIL_REST="1"),
        check=True,
        timeout=300,
    )
    found = subjects.ok("check_journal", file)
    assert found == {"entries": WRITERS * CHANGES, "gapless": True, "disorder": 0, "converged": True}
