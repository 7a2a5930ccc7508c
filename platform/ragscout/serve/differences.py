"""What is not here as it was where a bundle was measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ragscout.model.config import Configuration
from ragscout.model.key import short
from ragscout.model.step import Step, chat_models, model_files
from ragscout.serve.archive import safe_name
from ragscout.serve.manifest import PLACE, libraries, packaged_prompts


def of_answers(data: Mapping[str, Any], steps: Mapping[str, Step], folder: Path) -> list[str]:
    """Return what changes answers: other versions of steps, other packaged prompts, another model under the same
    name."""
    found = [
        f"version {data['steps'][stage]['version']} of {stage}.{step.name} then, version {step.version} here."
        for stage, step in steps.items()
        if data["steps"][stage]["version"] != step.version
    ]
    here = packaged_prompts(steps.values())
    found += [
        f"another packaged prompt then, see {name}."
        for name in data["packaged_prompts"]
        if not safe_name(name) or here.get(name, "").encode() != (folder / name).read_bytes()
    ]
    for stage, step in steps.items():
        found += [
            f"model {Path(model).name} of {stage} had revision {short(revision)}, here {short(now)}."
            for model, revision in _placed(data["steps"][stage]["parameters"], step)
            if revision and (now := _revision(model)) != revision
        ]
    return found


def of_environment(data: Mapping[str, Any], configuration: Configuration) -> list[str]:
    """Return what should not change answers and may: versions of libraries, and so keys."""
    now, then = libraries(configuration.steps.values()), data["libraries"]
    found = [
        f"{name} was {then.get(name, 'absent')} when this was measured, here it is {now.get(name, 'absent')}."
        for name in sorted(now.keys() | then.keys())
        if now.get(name) != then.get(name)
    ]
    if configuration.key != data["key"]:
        found.append(f"The configuration's key was {short(data['key'])}, here it is {short(configuration.key)}.")
    return found


def _placed(parameters: Mapping[str, Any], step: Step) -> list[tuple[str, str]]:
    """Path and recorded revision of the models that the bundle names without carrying them."""
    found = [(chat.model, chat.revision) for chat in chat_models(step)]
    for item in model_files(step):
        value = parameters.get(item.field)
        if isinstance(value, dict) and value.keys() == {PLACE}:
            found.append((item.name, item.revision))
    return [(model, revision) for model, revision in found if Path(model).is_absolute()]


def _revision(model: str) -> str:
    from ragscout.providers.assets import Resolver

    return Resolver().revision(model)
