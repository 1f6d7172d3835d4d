"""The contract of rule languages, a subclass an adapter."""

from __future__ import annotations

import pytest

from policy.language.cel import CelLanguage
from tests.contracts.rule_language import RuleLanguageContract


class TestCel(RuleLanguageContract):
    true = (
        "d.name == 'plays' && d.count < 5",
        "d.owners.exists(o, o.startsWith('team:'))",
        "has(d.more.days) && d.more.days <= 30",
        "d.parts.exists(p, 'pii' in p.tags)",
        "now - d.at > duration('24h')",
        "d.name.matches('^[a-z]+$') && d.name.matches(r'^\\pL{1,5}$') && d.name.matches('^\\\\w+$')",
        "size(d.parts) == 2 && d.parts[0].name == 'id'",
        "d.open && d.share >= 0.5",
        "d.owners.size() == 2",
        "d.name in ['plays', 'other'] && d.count in [1, 2, -3, 3]",
        "d.parts.exists(p, p.name in ['email'] && p.tags[0] in ['pii', \"'[\"])",
        "d.more['days'] == 30 && {'a': 1, 'b': 2}.size() == 2",
        "d.name + '+' + d.name == 'plays+plays' // [d.name]",
        "!has(d.more.nothing)",
    )
    false = ("d.count > 3", "d.parts.all(p, 'pii' in p.tags)", "'user:jonas' in d.owners", "d.name.matches('^x')")
    invalid = (
        ("d.nme == 'x'", 1, 2),
        ("d.name > 5", 1, 8),
        ("d.count +", 1, 10),
        ("d.name.startWith('x')", 1, 17),
        ("d.count", 1, 1),
        ("d.open &&\nd.nothing", 2, 2),
        ("other", 1, 1),
        ("has(d.name)", 1, 1),
        ("d.name.matches(')')", 1, 16),
        ("d.open &&\n d.name.matches(d.name)", 2, 9),
        ("matches(d.name, 'a')", 1, 8),
        ("d.parts == d.parts", 1, 1),
    )
    unanswered = (
        "d.more.nothing == 1",
        "1 / (d.count - 3) == 1",
        "d.more.text <= 5",
        "d.parts.exists(p, p.nothing == 1)",
        "d.owners[7] == 'x'",
    )
    joined = (
        ("d.open", [("d.open", 0, False)]),
        (
            "d.open && d.count > 1 || d.name == 'x'",
            [
                ("d.open && d.count > 1 || d.name == 'x'", 0, True),
                ("d.open && d.count > 1", 1, True),
                ("d.open", 2, False),
                ("d.count > 1", 2, False),
                ("d.name == 'x'", 1, False),
            ],
        ),
        (
            " (d.name != ' || ' && (d.open || !d.open)) // it's || so",
            [
                ("(d.name != ' || ' && (d.open || !d.open))", 0, True),
                ("d.name != ' || '", 1, False),
                ("(d.open || !d.open)", 1, True),
                ("d.open", 2, False),
                ("!d.open", 2, False),
            ],
        ),
        ("(d.open) == (d.count > 1 || d.open)", [("(d.open) == (d.count > 1 || d.open)", 0, False)]),
        ("d.open ? d.open : d.open || d.count > 1", [("d.open ? d.open : d.open || d.count > 1", 0, False)]),
        (
            r"d.name.matches(r'a\.b') && d.open",
            [
                (r"d.name.matches(r'a\.b') && d.open", 0, True),
                (r"d.name.matches(r'a\.b')", 1, False),
                ("d.open", 1, False),
            ],
        ),
    )
    growing = (
        "[d.name]" + ".map(a, a + a)" * 26 + ".exists(z, z == 'x')",
        "[d.owners]" + ".map(a, a + a)" * 26 + ".exists(z, z.size() > 5)",
        "d.owners" + ".map(a, a + a)" * 26 + ".exists(z, z == 'x')",
        "d.owners" + ".map(a, [a, a])" * 24 + ".exists(z, z == z)",
        "d.owners.exists(a, [a + a].exists(b, [b + b].exists(c, c == '')))",
        "d.owners.exists(a, {'x': a}.size() == 1)",
        "[1, [d.count]].size() == 2",
        "d.count in [[1][0], d.count]",
        "d.owners.map(a, d.owners + d.owners).map(b, b + b).map(c, c + c).size() > 0",
        "d.owners.map(a, dyn(d.owners) + dyn(d.owners)).size() > 0",
        "d.parts.all(a, a in d.parts)",
        "d.parts.all(a, a in d . /* */ `parts`)".replace("/* */ ", "// so\n"),
        "d.parts.all(a, d.parts.exists(b, d.parts == d.parts))",
        "d.owners.all(a, d.name.matches('(a?){500}a{500}'))",
        "d.name.matches('(((a{100}){100}){10})')",
        "d.name" + " + d.name" * 60 + " == ''",
    )
    endless = (
        "d.owners.all(a, d.owners.all(b, d.owners.all(c, d.owners.all(e, a + b + c != e))))",
        "d.owners.all(a, d.name.matches('(a?){38}a{38}$'))",
        "d.name.matches('(a+)+$')",
        "d.name.matches('^(a|a)*$')",
    )

    @pytest.fixture
    def language(self):
        return CelLanguage()
