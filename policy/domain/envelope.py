"""
The envelope of a rule: YAML that says what it is of, where it holds, and what must be true. Read strictly, and what is wrong is told with its line.

It is hostile input: bounded in size and depth, and without anchors, by which a few lines can mean a million.
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from catalog.domain.names import InvalidName, Pattern, compile_pattern
from catalog.domain.storable import is_storable
from policy.domain.facts import RESOURCES, empty_facts, fits, types_of
from policy.language.base import InvalidExpression, Program, RuleLanguage

MAX_TEXT = 64_000
MAX_DEPTH = 12
MAX_NODES = 5_000
MAX_PATTERNS = 100
MAX_EXAMPLES = 50

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?\Z")
_RESERVED = frozenset(["new", "of"])
"""Names that are pages of their own."""
_PLACEHOLDER = re.compile(r"\{([a-z_.]+)\}")
KEYS = ("policy", "title", "description", "resource", "scope", "when", "assert", "severity", "message", "examples")
SCOPE_KEYS = ("datasets", "exclude", "kinds", "platforms", "environments", "tags")


class Severity(enum.StrEnum):
    """How bad it is if a rule is broken, the worst last."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class InvalidPolicy(ValueError):
    """A rule that cannot work: in which line, and why."""

    def __init__(self, reason: str, line: int = 1) -> None:
        super().__init__(f"line {line}: {reason}")
        self.reason, self.line = reason, line


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a rule holds. Patterns are of qualified names; what is empty leaves nothing out."""

    datasets: tuple[Pattern, ...] = ()
    exclude: tuple[Pattern, ...] = ()
    kinds: frozenset[str] = frozenset()
    platforms: frozenset[str] = frozenset()
    environments: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    """Any of these, on the dataset itself."""

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """Return whether a dataset lies in it, by its facts."""
        for name, wanted in (("kind", self.kinds), ("platform", self.platforms), ("environment", self.environments)):
            if wanted and facts[f"dataset.{name}"] not in wanted:
                return False
        if self.tags and self.tags.isdisjoint(facts["dataset.tags"]):
            return False
        name = facts["dataset.qualified_name"]
        if self.datasets and not any(pattern.matches(name) for pattern in self.datasets):
            return False
        return not any(pattern.matches(name) for pattern in self.exclude)


@dataclass(frozen=True, slots=True)
class Example:
    """Facts, and whether they meet the rule."""

    facts: Mapping[str, Any]
    passes: bool
    line: int


_OF_SCOPES = frozenset(f"dataset.{name}" for name in ("qualified_name", "kind", "platform", "environment", "tags"))


@dataclass(frozen=True)
class Rule:
    """A rule that was read and compiled. ``when`` is None for one that always applies within its scope."""

    slug: str
    title: str
    description: str
    resource: str
    scope: Scope
    when_text: str
    assert_text: str
    severity: Severity
    message: str
    when: Program | None = field(compare=False)
    must: Program = field(compare=False)
    examples: Sequence[Example] = field(default=(), compare=False)

    @functools.cached_property
    def wanted(self) -> frozenset[str]:
        """The facts that it may ask of, name or go by; rather one too many. CEL lets spaces and comments stand between a name's parts."""
        text = f"{self.when_text} {self.assert_text} {self.message}"
        names = types_of(self.resource)
        if "//" in text:
            return frozenset(names)
        packed = re.sub(r"[\s`]", "", text)
        return frozenset(name for name in names if name in packed) | _OF_SCOPES

    def told(self, facts: Mapping[str, Any]) -> str:
        """Return the message with the facts that it names."""

        def value(found: re.Match[str]) -> str:
            known = facts.get(found[1], found[0])
            return ", ".join(map(str, known)) if isinstance(known, list) else str(known)

        return _PLACEHOLDER.sub(value, self.message)[:1_000]


class _Reader:
    """Takes the parts of the mapping that a rule is written as."""

    def __init__(self, node: yaml.Node, known: Sequence[str], what: str) -> None:
        if not isinstance(node, yaml.MappingNode):
            raise InvalidPolicy(f"{what} is written as keys and values", _line(node))
        self.what = what
        self.line = _line(node)
        self.parts: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = str(key.value)[:50] if isinstance(key, yaml.ScalarNode) else "?"
            if name not in known:
                raise InvalidPolicy(f"{what} has no key '{name}'; there are {', '.join(known)}", _line(key))
            if name in self.parts:
                raise InvalidPolicy(f"the key '{name}' stands twice", _line(key))
            self.parts[name] = value

    def line_of(self, name: str) -> int:
        return _line(self.parts[name]) if name in self.parts else self.line

    def text(self, name: str, default: str | None = None, *, most: int = 4_000) -> str:
        node = self.parts.get(name)
        if node is None:
            if default is None:
                raise InvalidPolicy(f"{self.what} needs the key '{name}'", self.line)
            return default
        value = _built(node)
        if not isinstance(value, str | int | float | bool):
            raise InvalidPolicy(f"'{name}' is a text", _line(node))
        text = node.value if isinstance(node, yaml.ScalarNode) else str(value)
        if len(text) > most:
            raise InvalidPolicy(f"'{name}' has at most {most} characters", _line(node))
        return str(text).strip()

    def texts(self, name: str) -> list[str]:
        node = self.parts.get(name)
        if node is None:
            return []
        value = _built(node)
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found) or len(found) > MAX_PATTERNS:
            raise InvalidPolicy(f"'{name}' is a list of at most {MAX_PATTERNS} texts", _line(node))
        return found


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _built(node: yaml.Node) -> Any:
    """Return the value of a node; only plain YAML has any."""
    try:
        return yaml.SafeLoader("").construct_document(node)
    except (yaml.YAMLError, ValueError, TypeError, OverflowError) as error:
        raise InvalidPolicy(f"this value cannot be read ({type(error).__name__})", _line(node)) from None


def _composed(text: str) -> yaml.Node:
    if len(text) > MAX_TEXT:
        raise InvalidPolicy(f"a rule has at most {MAX_TEXT} characters, this one has {len(text)}")
    try:
        depth = nodes = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            line = event.start_mark.line + 1 if event.start_mark else 1
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise InvalidPolicy("anchors and aliases are not taken; write it out", line)
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            nodes += isinstance(event, yaml.NodeEvent)
            if depth > MAX_DEPTH or nodes > MAX_NODES:
                raise InvalidPolicy(f"a rule has at most {MAX_DEPTH} levels and {MAX_NODES} values", line)
            # What a text that is stored says by escapes, such as "\\0", is stored with violations too.
            if isinstance(event, yaml.ScalarEvent) and not is_storable(event.value):
                raise InvalidPolicy("a value holds a character that cannot be kept (NUL, or half of one)", line)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except InvalidPolicy:
        raise
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidPolicy(f"this is no YAML: {error.problem or 'it cannot be read'}", line) from None
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidPolicy(f"this is no YAML: {str(error).splitlines()[0][:200]}") from None
    if node is None:
        raise InvalidPolicy("it is empty; begin with 'policy: a-name'")
    return node


def parse_rule(text: str, language: RuleLanguage) -> Rule:
    """Return the rule that a text says, compiled. :raises InvalidPolicy: with the line and the reason of what cannot work."""
    reader = _Reader(_composed(text), KEYS, "a rule")
    slug = reader.text("policy")
    if not _SLUG.match(slug) or slug in _RESERVED:
        raise InvalidPolicy(
            f"'policy' is its name: 1 to 100 small letters, digits and hyphens, and not 'new' or 'of'; found {slug[:50]!r}",
            reader.line_of("policy"),
        )
    resource = reader.text("resource")
    if resource not in RESOURCES:
        raise InvalidPolicy(
            f"'resource' is {' or '.join(RESOURCES)}, found {resource[:50]!r}", reader.line_of("resource")
        )
    severity = reader.text("severity", Severity.MEDIUM)
    if severity not in set(Severity):
        raise InvalidPolicy(f"'severity' is {', '.join(Severity)}, found {severity[:50]!r}", reader.line_of("severity"))
    types = types_of(resource)

    def compiled(name: str) -> tuple[str, Program | None]:
        expression = reader.text(name, "" if name == "when" else None)
        if not expression and name == "when":
            return "", None
        try:
            return expression, language.compile(expression, types)
        except InvalidExpression as error:
            offset = _first_line(reader.parts[name], text) + error.line - 1
            raise InvalidPolicy(f"'{name}': {error.reason}", offset) from None

    when_text, when = compiled("when")
    assert_text, must = compiled("assert")
    assert must is not None
    message = reader.text("message", "", most=1_000)
    for name in _PLACEHOLDER.findall(message):
        if name not in types:
            raise InvalidPolicy(
                f"'message' names {{{name}}}, which is no fact of a {resource}", reader.line_of("message")
            )
    return Rule(
        slug=slug,
        title=reader.text("title", slug.replace("-", " ").capitalize(), most=200),
        description=reader.text("description", ""),
        resource=resource,
        scope=_scope(reader.parts.get("scope")),
        when_text=when_text,
        assert_text=assert_text,
        severity=Severity(severity),
        message=message or f"{{{resource}.{'path' if resource == 'column' else 'name'}}} does not meet it",
        when=when,
        must=must,
        examples=tuple(_examples(reader.parts.get("examples"), resource)),
    )


def _first_line(node: yaml.Node, text: str) -> int:
    """Return the line in which an expression begins: the one behind the mark where it is a block of its own."""
    line = _line(node)
    is_block = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
    return line + 1 if is_block and line < len(text.splitlines()) else line


def _scope(node: yaml.Node | None) -> Scope:
    if node is None:
        return Scope()
    reader = _Reader(node, SCOPE_KEYS, "scope")
    return Scope(
        datasets=_patterns(reader, "datasets"),
        exclude=_patterns(reader, "exclude"),
        kinds=frozenset(reader.texts("kinds")),
        platforms=frozenset(reader.texts("platforms")),
        environments=frozenset(reader.texts("environments")),
        tags=frozenset(reader.texts("tags")),
    )


def _patterns(reader: _Reader, name: str) -> tuple[Pattern, ...]:
    try:
        return tuple(compile_pattern(each) for each in reader.texts(name))
    except (InvalidName, ValueError) as error:
        raise InvalidPolicy(f"'{name}': {error}", reader.line_of(name)) from None


def _examples(node: yaml.Node | None, resource: str) -> Iterator[Example]:
    if node is None:
        return
    reader = _Reader(node, ("pass", "fail"), "examples")
    for name, part in reader.parts.items():
        if not isinstance(part, yaml.SequenceNode) or len(part.value) > MAX_EXAMPLES:
            raise InvalidPolicy(f"'{name}' is a list of at most {MAX_EXAMPLES} examples", _line(part))
        for each in part.value:
            yield Example(_facts(each, resource), name == "pass", _line(each))


def _facts(node: yaml.Node, resource: str) -> dict[str, Any]:
    types, found = types_of(resource), empty_facts(resource)
    value = _built(node)
    if not isinstance(value, dict):
        raise InvalidPolicy("an example is facts, such as {dataset: {owners: []}}", _line(node))
    for name, given in _flat(value):
        if name not in types:
            raise InvalidPolicy(f"there is no fact '{name[:80]}' of a {resource}", _line(node))
        if not fits(types[name], given):
            raise InvalidPolicy(f"the fact '{name}' is a {types[name]}", _line(node))
        found[name] = given
    return found


def _flat(value: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for name, given in value.items():
        if name in ("dataset", "column") and isinstance(given, dict):
            yield from ((f"{name}.{part}", each) for part, each in given.items())
        else:
            yield str(name), given
