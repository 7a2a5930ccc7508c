"""How much there is to operate in a configuration: model calls, models and services, stages beyond the simplest."""

from __future__ import annotations

from ragscout.model.config import Configuration
from ragscout.model.runtime import ModelFiles
from ragscout.model.stages import STAGES
from ragscout.model.step import chat_models, identity_of


def complexity(configuration: Configuration) -> float:
    """Model calls per question + distinct models and services + stages beyond the simplest.

    A step with a chat model makes one call. Each distinct model that a step declares, asked or loaded, is one thing to
    operate. Each step at a stage that may as well do nothing is one stage, and so is a second retriever.
    """
    steps = configuration.steps
    calls = sum(bool(chat_models(step)) for step in steps.values())
    operated = {
        (item.name, item.revision) if isinstance(item, ModelFiles) else item
        for step in steps.values()
        for item in step.models()
    }
    stages = sum(identity_of(stage) is not None for stage in steps)
    stages += max(0, sum(stage in steps for stage in STAGES["fuse"].inputs) - 1)
    return float(calls + len(operated) + stages)
