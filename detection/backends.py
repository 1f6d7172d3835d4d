"""Makes detectors from settings: the only reader of their dotted paths."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from detection.detectors.base import Detector


@functools.cache
def _made(path: str) -> Detector:
    return cast("Detector", import_string(path)())


def detectors() -> Sequence[Detector]:
    """Return all detectors, in the order of the settings."""
    return [_made(path) for path in settings.DETECTORS]
