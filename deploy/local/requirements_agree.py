"""Checks that every requirement of pyproject.toml is pinned, with hashes, in the requirements files, and that both sets agree."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent.parent
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def pins(name: str) -> dict[str, set[str]]:
    """Return the pinned versions of a requirements file by package; several where they depend on the Python."""
    found: dict[str, set[str]] = {}
    for package, version in PIN.findall((ROOT / "requirements" / name).read_text()):
        found.setdefault(canonicalize_name(package), set()).add(version)
    return found


def main() -> int:
    """Print what disagrees; return 1 if anything does."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime, dev = pins("runtime.txt"), pins("dev.txt")
    wrong = [
        f"{name} is pinned to {runtime[name]} and {dev.get(name)}" for name in runtime if runtime[name] != dev.get(name)
    ]
    for pinned, wanted in ((runtime, project["dependencies"]), (dev, project["optional-dependencies"]["dev"])):
        for text in wanted:
            requirement = Requirement(text)
            versions = pinned.get(canonicalize_name(requirement.name), set())
            if not versions or not all(requirement.specifier.contains(version) for version in versions):
                wrong.append(f"{text} is pinned to {versions or 'nothing'}")
    for name in ("runtime.txt", "dev.txt"):
        text = (ROOT / "requirements" / name).read_text()
        if "://" in text or "--index-url" in text:
            wrong.append(f"requirements/{name} holds an address")
    print(
        "\n".join(wrong) if wrong else "they agree; `make lock` compiles them anew",
        file=sys.stderr if wrong else sys.stdout,
    )
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
