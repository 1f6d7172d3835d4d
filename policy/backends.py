"""Makes the language of rules from settings: the only reader of its dotted path."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.utils.module_loading import import_string

from policy.domain.envelope import Rule, parse_rule

if TYPE_CHECKING:
    from policy.language.base import RuleLanguage


@functools.cache
def _made(path: str) -> RuleLanguage:
    return cast("RuleLanguage", import_string(path)())


@functools.lru_cache(maxsize=512)
def rule_of(text: str) -> Rule:
    """
    Return the rule that a text says, compiled once a process: the same few judge all datasets.

    :raises InvalidPolicy: with the line and the reason of what cannot work.
    """
    return parse_rule(text, rule_language())


def rule_language() -> RuleLanguage:
    """Return the language that rules are written in."""
    return _made(settings.RULE_LANGUAGE)
