"""What a bundle says of itself, as plain values: steps, models, connections, versions. Nothing here is secret.

Prompts and other texts of several lines are files of their own beside the manifest, where people can read them; the
manifest points to them, so there is one truth.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from ragscout.engine.connection_limit import identity
from ragscout.engine.task import step_json
from ragscout.model.errors import BundleError, SpecError
from ragscout.model.runtime import ChatModel, ModelFiles
from ragscout.model.step import Step, chat_models, make
from ragscout.prompts import packaged
from ragscout.secret import LEAST
from ragscout.serve.archive import safe_name
from ragscout.steps.prompt.template import Template

if TYPE_CHECKING:
    from ragscout.spec import Connection

PROMPTS = "prompts"
PLACE = "$model"

_POINTER = "$file"
_ABSOLUTE = re.compile(r"^(/|~|[A-Za-z]:[\\/]|\\\\|file:)")


def local_models(steps: Iterable[Step], connections: Sequence[Connection]) -> dict[str, str]:
    """Models that are named by a path of this machine: the path to the name under which a bundle knows them.

    The model itself is not in the bundle. It is looked for in the folder of pulled models where the bundle is loaded.
    """
    found: dict[str, str] = {}
    given = [item.name if isinstance(item, ModelFiles) else item.model for step in steps for item in step.models()]
    given += [item.alias for item in connections]
    for value in given:
        if _ABSOLUTE.match(value):
            name = re.split(r"[/\\]", value.rstrip("/\\"))[-1]
            while name in found.values() and found.get(value) != name:
                name = f"_{name}"
            found[value] = name
    return found


def without_paths(value: Any, places: Mapping[str, str]) -> Any:
    """Names of models instead of their paths, wherever they stand in texts for people."""
    if isinstance(value, str):
        for path, name in places.items():
            value = value.replace(path, name)
        return value
    if isinstance(value, Mapping):
        return {key: without_paths(item, places) for key, item in value.items()}
    return [without_paths(item, places) for item in value] if isinstance(value, (list, tuple)) else value


def step_plain(step: Step, folder: Path, places: Mapping[str, str]) -> dict[str, Any]:
    """Return a step as plain values: name, version and non-default parameters; long texts become files of the folder,
    and paths of models their names (see ``local_models``)."""
    plain: dict[str, Any] = json.loads(step_json(step))
    plain["parameters"] = {
        name: _outside(value, folder, f"{step.stage}.{name}", places) for name, value in plain["parameters"].items()
    }
    return plain


def step_of(stage: str, plain: Mapping[str, Any], folder: Path) -> Step:
    """Inverse of ``step_plain``; the version is that of this installation.

    Raises:
        BundleError: this installation has no such step, or it takes other parameters.
    """
    try:
        parameters = {key: _inside(value, folder) for key, value in dict(plain["parameters"]).items()}
        return make(stage, str(plain["name"]), parameters)
    except SpecError as error:
        raise BundleError(f"{folder / 'bundle.json'}: this installation cannot make a step of it; {error}") from error


def libraries(steps: Iterable[Step]) -> dict[str, str]:
    """Installed versions of ragscout, Python and every distribution that shapes what the steps give."""
    names = {"ragscout"}.union(*(step.libraries for step in steps))
    found = {name: version for name in sorted(names) if (version := _version(name))}
    return found | {"python": platform.python_version()}


def extras(steps: Iterable[Step]) -> list[str]:
    """Return optional dependency groups that the steps need."""
    return sorted({step.extra for step in steps} - {""})


def packaged_prompts(steps: Iterable[Step]) -> dict[str, str]:
    """File name to text of the prompts that come with ragscout and that these steps use."""
    if not any(isinstance(step, Template) and not step.text for step in steps):
        return {}
    return {f"{PROMPTS}/packaged.{name}.md": packaged("answer", name) for name in ("en", "ko")}


def models(steps: Mapping[str, Step]) -> list[dict[str, str]]:
    """Every model that the steps name: stage, name as written, revision."""
    return [
        {"stage": stage, "provider": item.provider, "model": item.model, "revision": item.revision}
        if isinstance(item, ChatModel)
        else {"stage": stage, "provider": step.name, "model": item.name, "revision": item.revision}
        for stage, step in steps.items()
        for item in step.models()
    ]


def connections_of(steps: Iterable[Step], known: Sequence[Connection]) -> list[Connection]:
    """Return the connections that these steps use, in the order in which the sweep names them.

    Raises:
        BundleError: a step's model has no connection.
    """
    wanted = {identity(chat): chat for step in steps for chat in chat_models(step)}
    found: dict[str, Connection] = {}
    for connection in known:
        key = identity(connection.identity_model())
        if key in wanted:
            found.setdefault(key, connection)
    if missing := sorted(wanted.keys() - found.keys()):
        chat = wanted[missing[0]]
        raise BundleError(
            f"export: no connection serves a model of this configuration; got {chat.provider}/{chat.model}. "
            "Export from the sweep that measured it."
        )
    return list(found.values())


def connections_plain(connections: Sequence[Connection], places: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return connections as plain values; keys are named by their environment variable.

    Raises:
        BundleError: an address holds a password.
    """
    if not connections:
        return []
    from ragscout.spec import Connection

    plain: list[dict[str, Any]] = TypeAdapter(list[Connection]).dump_python(list(connections), mode="json")
    for item in plain:
        address = urlsplit(str(item.get("base_url") or ""))
        if address.username or address.password:
            raise BundleError(
                f"models.{item['name']}: the address holds a name or password; got one for host {address.hostname}. "
                "Put it into an environment variable and name that as key_env."
            )
        item["alias"] = {PLACE: places[item["alias"]]} if item["alias"] in places else item["alias"]
    return plain


def connections_from(plain: object, where: Path) -> tuple[Connection, ...]:
    """Inverse of ``connections_plain``.

    Raises:
        BundleError: when they are not connections of this version.
    """
    if plain == []:
        return ()
    from ragscout.spec import Connection

    try:
        return TypeAdapter(tuple[Connection, ...]).validate_python(_inside(plain, where))
    except ValidationError as error:
        raise BundleError(
            f"{where}: the connections cannot be read; got {error.errors()[0]['msg']}. Export the bundle again."
        ) from error


def refuse_secrets(folder: Path, connections: Sequence[Connection]) -> None:
    """Search all files of a bundle for the values of the connections' keys.

    Raises:
        BundleError: naming the file, never the key.
    """
    given = {connection.key_env: os.environ.get(connection.key_env, "") for connection in connections}
    secrets = {name: value.encode() for name, value in given.items() if len(value) >= LEAST}
    for path in sorted(item for item in folder.rglob("*") if secrets and item.is_file()):
        data = path.read_bytes()
        for name, secret in secrets.items():
            if secret in data:
                raise BundleError(
                    f"export: {path.relative_to(folder).as_posix()} would hold a secret; got the value of {name}. "
                    "Remove it from the documents, questions or prompts."
                )


def _outside(value: Any, folder: Path, name: str, places: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        if value in places:
            return {PLACE: places[value]}
        if "\n" in value:
            place = folder / PROMPTS / f"{_file_name(name)}.md"
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(value.encode())
            return {_POINTER: place.relative_to(folder).as_posix()}
        return value
    if isinstance(value, list):
        return [_outside(item, folder, f"{name}.{position}", places) for position, item in enumerate(value)]
    if isinstance(value, dict):
        return {key: _outside(item, folder, f"{name}.{key}", places) for key, item in value.items()}
    return value


def _inside(value: Any, folder: Path) -> Any:
    if isinstance(value, dict):
        if value.keys() == {PLACE}:
            return _placed(str(value[PLACE]), folder)
        if value.keys() == {_POINTER}:
            name = str(value[_POINTER])
            if not safe_name(name) or not (folder / name).is_file():
                raise BundleError(f"{folder}: a prompt is missing; got {name!a}. Export the bundle again.")
            return (folder / name).read_bytes().decode()
        return {key: _inside(item, folder) for key, item in value.items()}
    return [_inside(item, folder) for item in value] if isinstance(value, list) else value


def _placed(name: str, folder: Path) -> str:
    from ragscout.providers.assets import default_cache

    place = default_cache() / name
    if not safe_name(name) or not place.exists():
        raise BundleError(
            f"{folder}: a model that the bundle does not carry is missing; got no {name!a} in {default_cache()}. "
            "Put its file or folder there, or set RAGSCOUT_MODELS to the folder that holds it."
        )
    return str(place)


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name).strip("._") or "text"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
