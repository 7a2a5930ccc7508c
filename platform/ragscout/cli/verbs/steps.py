"""``ragscout steps [STAGE]``: the components there are, with their parameters."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Annotated, Any

import typer

from ragscout.cli.support.output import Json, as_json, say


def run(
    stage: Annotated[str | None, typer.Argument(help="Only this stage.")] = None,
    json_output: Json = False,
) -> None:
    """List every step by stage: name, parameters with defaults, what each does."""
    from ragscout import steps as registry  # noqa: F401 - importing the steps fills the registry
    from ragscout.model.errors import UnknownNameError
    from ragscout.model.step import registered_stages, steps_of
    from ragscout.steps.retrievers import KEY, recipes

    stages = registered_stages()
    if stage is not None and stage not in (*stages, KEY):
        raise UnknownNameError("steps", "stage", stage, (*stages, KEY))
    found: dict[str, dict[str, Any]] = {}
    for name in (stage,) if stage else (*stages, KEY):
        if name == KEY:
            found[name] = {
                key: {"version": 1, "parameters": dict(made.steps), "help": made.help}
                for key, made in recipes().items()
            }
            continue
        found[name] = {
            key: {
                "version": cls.version,
                "parameters": _parameters(cls),
                "resources": dataclasses.asdict(cls.resources),
                "help": (inspect.getdoc(cls) or "").split("\n\n")[0],
            }
            for key, cls in steps_of(name).items()
        }
    if json_output:
        as_json(found)
        return
    for name, steps in found.items():
        say(name)
        for key, info in steps.items():
            given = ", ".join(f"{field}={default}" for field, default in info["parameters"].items())
            say(f"  {key}({given})")
            say(f"      {' '.join(info['help'].split())}")


def _parameters(cls: type[Any]) -> dict[str, str]:
    shown: dict[str, str] = {}
    for field in dataclasses.fields(cls):
        if field.default is not dataclasses.MISSING:
            shown[field.name] = repr(field.default)
        elif field.default_factory is not dataclasses.MISSING:
            shown[field.name] = repr(field.default_factory())
        else:
            shown[field.name] = "required"
    return shown
