"""The command line: a client of the REST API by CAIRN_URL and CAIRN_TOKEN. What needs the local home says so in its help."""

# In the order of the help.
# isort: off
from deploy.cli.base import app
from deploy.cli import (
    finding,
    keeping,
    moving,
    schemas,
    quality,
    policies,
    describing,
    catalogs,
    runs,
    access,
    people,
    local,
)
# isort: on

for name, part in (
    ("catalogs", catalogs.catalogs_app),
    ("runs", runs.runs_app),
    ("jobs", moving.jobs_app),
    ("schemas", schemas.schemas_app),
    ("checks", quality.checks_app),
    ("findings", quality.findings_app),
    ("policies", policies.policies_app),
    ("violations", policies.violations_app),
    ("views", keeping.views_app),
    ("tokens", access.tokens_app),
    ("grants", access.grants_app),
    ("users", people.users_app),
    ("teams", people.teams_app),
    ("holds", runs.holds_app),
    ("demo", local.demo_app),
):
    app.add_typer(part, name=name)

__all__ = [
    "access",
    "app",
    "catalogs",
    "describing",
    "finding",
    "keeping",
    "local",
    "main",
    "moving",
    "people",
    "policies",
    "quality",
    "runs",
    "schemas",
]


def main() -> None:
    """Run the command line."""
    app()
