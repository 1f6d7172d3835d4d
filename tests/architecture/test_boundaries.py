"""What import-linter cannot see, and what the documents promise."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db.models import ForeignKey, ManyToManyField

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = {"journal", "access", "catalog", "schema_registry", "lineage", "detection", "policy"}
BELOW = {"catalog": {"access", "journal"}, "schema_registry": {"access"}, "access": {"journal"}}
"""Apps whose tables others may refer to: the two small ones lie below everything."""


def test_no_foreign_key_leads_into_another_app():
    for model in apps.get_models():
        label = model._meta.app_label
        if label not in OURS:
            continue
        for field in model._meta.get_fields():
            if isinstance(field, (ForeignKey, ManyToManyField)) and not field.auto_created:
                target = field.related_model._meta.app_label
                allowed = {label, *BELOW.get(label, set()), "auth"}
                assert target in allowed, f"{model.__name__}.{field.name} refers to {target}"


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).is_file()]


def test_models_of_other_apps_are_not_fetched_by_name():
    for path in tracked("*.py"):
        if "/migrations/" not in str(path) and "tests" not in path.parts:
            assert "get_model(" not in path.read_text(), path


def test_every_module_says_its_part_in_one_sentence():
    for path in tracked(
        "catalog/*.py", "deploy/*.py", "schema_registry/*.py", "lineage/*.py", "detection/*.py", "policy/*.py"
    ):
        text = path.read_text()
        if text.strip() and "/migrations/" not in str(path):
            assert text.startswith('"""'), path


def test_every_setting_of_the_environment_is_documented():
    documented = (ROOT / "docs/operators.md").read_text()
    for path in tracked("deploy/*.py", "deploy/settings/*.py"):
        for name in re.findall(r"environ(?:\.get)?[\[(]\s*\"([A-Z_]+)\"", path.read_text()):
            known = name == "DJANGO_SETTINGS_MODULE" or name.startswith("CAIRN_TEST_")
            assert f"`{name}`" in documented or known, f"{name} of {path.name}"
    for name in re.findall(r'_required\("([A-Z_]+)"', (ROOT / "deploy/settings/production.py").read_text()):
        assert f"`{name}`" in documented, name


def test_every_kind_of_problem_is_documented():
    from catalog.api.v1.errors import STATUSES

    documented = (ROOT / "docs/errors.md").read_text()
    for _, status, kind in STATUSES:
        assert f"### {kind}" in documented, kind
        assert re.search(rf"### {kind}\n+{status}", documented), f"{kind} is {status}"


def test_every_connector_is_documented():
    documented = (ROOT / "docs/connectors.md").read_text()
    for platform in settings.CONNECTORS:
        assert f"`{platform}`" in documented, platform


def test_every_metric_is_documented():
    documented = (ROOT / "docs/operators.md").read_text()
    for name in re.findall(r'"(cairn_[a-z_]+)"', (ROOT / "deploy/operations.py").read_text()):
        assert f"`{name}`" in documented, name


def test_every_make_target_named_in_the_readme_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for target in re.findall(r"`make ([a-z-]+)`", (ROOT / "README.md").read_text()):
        assert target in targets, target


def test_every_file_that_the_map_names_exists():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    for name in re.findall(r"`((?:catalog|deploy|tests|docs|benchmarks)/[\w./-]+)`", text):
        assert (ROOT / name).exists(), name


WORDS = re.compile(r"pypi\.|files\.pythonhosted|registry\.npmjs|repo1\.maven|/root/|/home/\w|/work/")


def test_no_file_names_a_registry_or_a_machine():
    for path in tracked():
        if path.suffix in (".png", ".svg", ".js") or path == Path(__file__):
            continue
        found = WORDS.search(path.read_text(errors="replace"))
        assert not found, f"{path}: {found.group() if found else ''}"


@pytest.mark.parametrize("floor", ["domain", "models.py", "selectors", "services", "api", "web"])
def test_the_catalog_has_its_floors(floor):
    assert (ROOT / "catalog" / floor).exists()
