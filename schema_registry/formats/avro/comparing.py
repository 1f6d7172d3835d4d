"""Compares Avro's types as readers and writers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from schema_registry.formats.avro.printing import printed_type
from schema_registry.formats.avro.tree import Array, Enum, Fixed, Map, Named, Node, Primitive, Record, Union
from schema_registry.formats.base import Incompatibility, TooComplex

MAX_STEPS = 30_000
"""Pairs of types looked at in one comparison."""
MAX_REASONS = 50
MAX_PATH = 500
MAX_NESTING = 100
"""Types within types on both sides together, by whatever names."""

# https://avro.apache.org/docs/1.12.0/specification/#schema-resolution: what a reader takes beside its own type.
PROMOTIONS: Mapping[str, frozenset[str]] = {
    "long": frozenset(["int"]),
    "float": frozenset(["int", "long"]),
    "double": frozenset(["int", "long", "float"]),
    "bytes": frozenset(["string"]),
    "string": frozenset(["bytes"]),
}


class Comparison:
    """
    One comparison of a reader with a writer.

    A pair of types that is looked at already counts as compatible, which is right for types that contain themselves.
    Source: https://avro.apache.org/docs/1.12.0/specification/#schema-resolution; kinds as in org.apache.avro.SchemaCompatibility.
    """

    def __init__(self) -> None:
        self.known: dict[tuple[int, int], Sequence[Incompatibility]] = {}
        self.steps = 0
        self.nesting = 0

    def compare(self, reader: Node, writer: Node, at: str, path: str) -> Sequence[Incompatibility]:
        """Return why one type cannot read another, the first MAX_REASONS of it."""
        if isinstance(reader, Primitive) and isinstance(writer, Primitive):
            return () if _promotes(reader, writer) else (_mismatch(reader, writer, at, path),)
        pair = (id(reader), id(writer))
        if pair in self.known:
            return self.known[pair]
        self.steps += 1
        self.nesting += 1
        if self.steps > MAX_STEPS or self.nesting > MAX_NESTING:
            raise TooComplex(
                f"comparing these schemas takes more than {MAX_STEPS:,} steps, or {MAX_NESTING} types within types"
            )
        self.known[pair] = ()
        self.known[pair] = found = tuple(islice(self._reasons(reader, writer, at, path), MAX_REASONS))
        self.nesting -= 1
        return found

    def _reasons(self, reader: Node, writer: Node, at: str, path: str) -> Iterator[Incompatibility]:
        if isinstance(writer, Union):
            for branch in writer.branches:
                if isinstance(reader, Union):
                    yield from self._branch(reader, branch, at, path)
                else:
                    yield from self.compare(reader, branch, at, path)
        elif isinstance(reader, Union):
            yield from self._branch(reader, writer, at, path)
        else:
            yield from self._plain_reasons(reader, writer, at, path)

    def _plain_reasons(self, reader: Node, writer: Node, at: str, path: str) -> Iterator[Incompatibility]:
        match reader, writer:
            case Array(), Array():
                yield from self.compare(reader.items, writer.items, f"{at}/items", f"{path}[]")
            case Map(), Map():
                yield from self.compare(reader.values, writer.values, f"{at}/values", f"{path}{{}}")
            case Fixed(), Fixed():
                yield from _names(reader, writer, at, path)
                if reader.size != writer.size:
                    yield Incompatibility(
                        "FIXED_SIZE_MISMATCH",
                        f"{at}/size",
                        path,
                        f"{reader.name} has {reader.size} bytes, where the data has {writer.size}",
                        "Keep its size, or add a field of another name",
                    )
            case Enum(), Enum():
                yield from _names(reader, writer, at, path)
                yield from _symbols(reader, writer, at, path)
            case Record(), Record():
                yield from _names(reader, writer, at, path)
                yield from self._records(reader, writer, at, path)
            case _:
                yield _mismatch(reader, writer, at, path)

    def _branch(self, reader: Union, writer: Node, at: str, path: str) -> Iterator[Incompatibility]:
        closest: Sequence[Incompatibility] = ()
        for index, branch in enumerate(reader.branches):
            found = self.compare(branch, writer, f"{at}/{index}", path)
            if not found:
                return
            if branch.type == writer.type:
                closest = found
        because = f": {closest[0].message}" if closest else ""
        yield Incompatibility(
            "MISSING_UNION_BRANCH",
            at,
            closest[0].field if closest else path,
            f"no type of the union reads {printed_type(writer)}{because}",
            closest[0].hint if closest else f"Add {printed_type(writer)} to the union",
        )

    def _records(self, reader: Record, writer: Record, at: str, path: str) -> Iterator[Incompatibility]:
        written = {part.name: part for part in writer.fields}
        for index, part in enumerate(reader.fields):
            place, name = f"{at}/fields/{index}", _within(path, part.name)
            source = written.get(part.name) or next(
                (written[alias] for alias in part.aliases if alias in written), None
            )
            if source is not None:
                yield from self.compare(part.type, source.type, f"{place}/type", name)
            elif not part.has_default:
                yield Incompatibility(
                    "READER_FIELD_MISSING_DEFAULT_VALUE",
                    place,
                    name,
                    f"{part.name} has no default, and the data does not have it",
                    f"Give {part.name} a default" + _suggested(part.type),
                )


def _within(path: str, name: str) -> str:
    """Return the path of a field, its end if it is long."""
    return f"{path}.{name}"[-MAX_PATH:] if path else name[-MAX_PATH:]


def _promotes(reader: Primitive, writer: Primitive) -> bool:
    return reader.type == writer.type or writer.type in PROMOTIONS.get(reader.type, ())


def _mismatch(reader: Node, writer: Node, at: str, path: str) -> Incompatibility:
    return Incompatibility(
        "TYPE_MISMATCH",
        at,
        path,
        f"{printed_type(reader)} cannot read {printed_type(writer)}",
        "Keep the type, widen it (int to long, float, double), or add a field of another name",
    )


_DEFAULTS: Mapping[str, str] = {
    "array": "[]",
    "map": "{}",
    "string": '""',
    "int": "0",
    "long": "0",
    "float": "0",
    "double": "0",
    "boolean": "false",
}


def _suggested(node: Node) -> str:
    """Return an example of a default, where one comes to mind."""
    example = _DEFAULTS.get(node.type)
    if isinstance(node, Union) and any(branch.type == "null" for branch in node.branches):
        example = "null"
    elif isinstance(node, Enum) and node.symbols:
        example = f'"{node.symbols[0]}"'
    return f', such as "default": {example}' if example else ""


def _names(reader: Named, writer: Named, at: str, path: str) -> Iterator[Incompatibility]:
    """Names agree without their namespaces, or by an alias of the reader's."""
    if reader.name.rpartition(".")[2] != writer.name.rpartition(".")[2] and writer.name not in reader.aliases:
        yield Incompatibility(
            "NAME_MISMATCH",
            f"{at}/name",
            path,
            f"{reader.name} is not {writer.name}",
            f'Keep the name, or add "aliases": ["{writer.name}"]',
        )


def _symbols(reader: Enum, writer: Enum, at: str, path: str) -> Iterator[Incompatibility]:
    missing = [symbol for symbol in writer.symbols if symbol not in reader.known]
    if missing and reader.default is None:
        yield Incompatibility(
            "MISSING_ENUM_SYMBOLS",
            f"{at}/symbols",
            path,
            f"{reader.name} does not know {', '.join(missing[:20])}",
            "Keep the symbols, or give the enum a default",
        )
