"""Every declared transform, alone and together, is held to the kit."""

from __future__ import annotations

import ragscout.steps.corpus  # noqa: F401 - registers the step
from ragscout.testing.transforms import TransformKit


class TestDropBoilerplate(TransformKit):
    declared = ({"use": "drop-boilerplate"},)


class TestDeduplicate(TransformKit):
    declared = ({"use": "deduplicate"},)


class TestMaskPersonalData(TransformKit):
    declared = ({"use": "mask-personal-data"},)


class TestReplace(TransformKit):
    declared = ({"use": "replace", "pattern": r"^- \d+ -$"},)


class TestReplaceWithText(TransformKit):
    declared = ({"use": "replace", "pattern": r"연차(?=휴가)", "replacement": "연가·"},)


class TestSplitByHeading(TransformKit):
    declared = ({"use": "split-by-heading"},)


class TestAllOfThem(TransformKit):
    declared = (
        {"use": "replace", "pattern": r"^- \d+ -$"},
        {"use": "drop-boilerplate"},
        {"use": "mask-personal-data"},
        {"use": "deduplicate"},
        {"use": "split-by-heading"},
    )
