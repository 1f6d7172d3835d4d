"""The command line: a client of the REST API by CAIRN_URL and CAIRN_TOKEN. What needs the local home says so in its help."""

# In the order of the help.
# isort: off
from deploy.cli.base import app
from deploy.cli import finding, describing, catalogs, runs, access, local
# isort: on

for name, part in (
    ("catalogs", catalogs.catalogs_app),
    ("runs", runs.runs_app),
    ("tokens", access.tokens_app),
    ("grants", access.grants_app),
    ("holds", runs.holds_app),
    ("demo", local.demo_app),
):
    app.add_typer(part, name=name)

__all__ = ["access", "app", "catalogs", "describing", "finding", "local", "main", "runs"]


def main() -> None:
    """Run the command line."""
    app()
