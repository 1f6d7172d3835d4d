"""Shapes of policy's requests and answers."""

from __future__ import annotations

from rest_framework import serializers

from catalog.api.v1.bodies.base import Shape
from policy.domain.envelope import MAX_TEXT, Severity
from policy.domain.verdicts import Verdict


class PolicyText(Shape):
    text = serializers.CharField(max_length=MAX_TEXT, trim_whitespace=False, help_text="YAML with expressions in CEL")


class PolicyShape(Shape):
    uuid = serializers.UUIDField()
    slug = serializers.CharField()
    title = serializers.CharField()
    resource = serializers.ChoiceField(["dataset", "column"])
    severity = serializers.ChoiceField(list(Severity))
    state = serializers.ChoiceField(["active", "unreadable", "draft", "retired"])
    active = serializers.IntegerField(allow_null=True, help_text="the version that judges")
    latest = serializers.IntegerField()
    judged_at = serializers.DateTimeField(allow_null=True)
    counts = serializers.DictField(
        child=serializers.IntegerField(), allow_null=True, help_text="by verdict; told to those who write policies"
    )
    open_violations = serializers.IntegerField(allow_null=True)


class PolicyVersionShape(Shape):
    slug = serializers.CharField()
    number = serializers.IntegerField()
    text = serializers.CharField()
    title = serializers.CharField()
    resource = serializers.ChoiceField(["dataset", "column"])
    severity = serializers.ChoiceField(list(Severity))
    author = serializers.CharField()
    created_at = serializers.DateTimeField()
    is_active = serializers.BooleanField()


class SavedVersion(Shape):
    slug = serializers.CharField()
    version = serializers.IntegerField()


class ActivateVersion(Shape):
    version = serializers.IntegerField(min_value=1, max_value=1_000_000)


class SurpriseShape(Shape):
    line = serializers.IntegerField()
    reason = serializers.CharField()


class LintShape(Shape):
    is_sound = serializers.BooleanField(help_text="whether it may judge")
    line = serializers.IntegerField()
    problem = serializers.CharField(allow_blank=True)
    surprises = SurpriseShape(many=True, help_text="examples that come out otherwise")


class PartShape(Shape):
    text = serializers.CharField()
    depth = serializers.IntegerField()
    holds = serializers.BooleanField(allow_null=True, help_text="null where it came to no answer")
    reason = serializers.CharField(allow_blank=True)
    facts = serializers.ListField(child=serializers.ListField(child=serializers.CharField(allow_blank=True)))


class ChangedVerdictShape(Shape):
    qualified_name = serializers.CharField()
    platform = serializers.CharField()
    column = serializers.CharField(allow_blank=True)
    verdict = serializers.ChoiceField(["fail", "error"])
    message = serializers.CharField()
    owners = serializers.ListField(child=serializers.CharField())
    explanation = PartShape(many=True)


class DryRunShape(Shape):
    datasets = serializers.IntegerField(help_text="that you may read")
    looked_at = serializers.IntegerField(help_text="less than that where the time did not suffice")
    judged = serializers.IntegerField()
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="by verdict")
    changes = serializers.DictField(
        child=serializers.IntegerField(), help_text="newly_failing, newly_passing, still_failing, still_passing"
    )
    by_catalog = serializers.DictField(child=serializers.DictField(child=serializers.IntegerField()))
    newly_failing = ChangedVerdictShape(many=True, help_text="the first hundred")
    seconds = serializers.FloatField()


class ViolationShape(Shape):
    number = serializers.IntegerField()
    uuid = serializers.UUIDField()
    policy = serializers.CharField()
    policy_version = serializers.IntegerField()
    dataset_uuid = serializers.UUIDField()
    column_uuid = serializers.UUIDField(allow_null=True)
    qualified_name = serializers.CharField()
    platform = serializers.CharField()
    column = serializers.CharField(allow_blank=True)
    owners = serializers.ListField(child=serializers.CharField())
    verdict = serializers.ChoiceField(["fail", "error", "waived"])
    severity = serializers.ChoiceField(list(Severity))
    message = serializers.CharField()
    explanation = PartShape(many=True)
    opened_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()
    resolved_at = serializers.DateTimeField(allow_null=True)


class WaiveViolation(Shape):
    reason = serializers.CharField(max_length=2_000)
    expires_at = serializers.DateTimeField(help_text="within a year")


class WaiverMade(Shape):
    waiver = serializers.UUIDField()


class WaiverShape(Shape):
    uuid = serializers.UUIDField()
    policy = serializers.CharField()
    reason = serializers.CharField()
    author = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class VerdictShape(Shape):
    policy = serializers.CharField()
    title = serializers.CharField()
    severity = serializers.ChoiceField(list(Severity))
    resource = serializers.ChoiceField(["dataset", "column"])
    column = serializers.CharField(allow_blank=True)
    verdict = serializers.ChoiceField(list(Verdict))
    message = serializers.CharField()
    explanation = PartShape(many=True)
    violation = serializers.UUIDField(allow_null=True)
    waiver = WaiverShape(allow_null=True)
    columns = serializers.IntegerField(help_text="how many columns it tells of together; 0 where it names one, or none")


class FactShape(Shape):
    name = serializers.CharField()
    type = serializers.CharField()
    help = serializers.CharField()
