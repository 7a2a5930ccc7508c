"""A sweep file to a typed spec, and the spec to a closed space of configurations."""

from ragscout.spec.connection import Connection
from ragscout.spec.describe import describe, dump, spec_hash
from ragscout.spec.metrics import metrics
from ragscout.spec.options import OptionResolver
from ragscout.spec.parse import load, parse
from ragscout.spec.schema import schema
from ragscout.spec.space import LIMIT, Space, ineffective, space, space_hash
from ragscout.spec.types import Budget, GoalSpec, Include, Measure, SearchSpec, StageEntry, SweepSpec

__all__ = [
    "LIMIT",
    "Budget",
    "Connection",
    "GoalSpec",
    "Include",
    "Measure",
    "OptionResolver",
    "SearchSpec",
    "Space",
    "StageEntry",
    "SweepSpec",
    "describe",
    "dump",
    "ineffective",
    "load",
    "metrics",
    "parse",
    "schema",
    "space",
    "space_hash",
    "spec_hash",
]
