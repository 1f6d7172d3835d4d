"""The demo's registry: its topics as Confluent's client registered them, and a subject for each table, untouched."""

from __future__ import annotations

import time

import pytest

from deploy.demo.producer import LEVELS, SCHEMAS
from tests.browser.conftest import client_after

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def asked(cairn):
    """A client of the running demo, once its producers have registered."""
    with client_after(cairn, "demo_schemas") as client:
        yield client


def test_confluents_client_registered_the_topics(asked):
    assert asked.get("/registry/subjects").json() == sorted({subject for subject, _ in SCHEMAS})
    for subject, level in LEVELS.items():
        assert asked.get(f"/registry/config/{subject}").json() == {"compatibilityLevel": level}
    assert asked.get("/registry/subjects/play-events.v3-value/versions").json() == [1, 2, 3]


def test_every_table_is_a_subject(asked):
    deadline = time.monotonic() + 60
    datasets = [
        each for each in asked.get("/v1/datasets?limit=200").json()["items"] if each["kind"] in ("table", "view")
    ]
    wanted = {f":.tables:{each['qualified_name']}" for each in datasets}
    assert len(wanted) > 50
    while not wanted <= set(found := asked.get("/registry/subjects?subjectPrefix=:.tables:").json()):
        assert time.monotonic() < deadline, wanted - set(found)
        time.sleep(0.3)
    play = asked.get("/registry/subjects/:.tables:lake%2Fevents%2Fplay_events/versions").json()
    assert play == [1, 2], "the demo adds columns to it once"
