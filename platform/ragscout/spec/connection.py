"""Connections: models named once, in the sweep file or in a file that many share. They hold no secret."""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from ragscout.model.errors import SpecError, UnknownNameError
from ragscout.model.runtime import ChatModel
from ragscout.spec.document import SpecDocument, join

_SECRETS = ("key", "api_key", "apikey", "token", "secret", "password", "authorization", "bearer")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_LOOKS_SECRET = re.compile(r"(sk|pk|ghp|gsk|xai|hf)[-_][A-Za-z0-9_-]{12,}|[0-9a-f]{32}|[A-Za-z0-9+/]{40,}={0,2}")
_PER = {"1": 1, "1k": 1_000, "1m": 1_000_000}
Kind = Literal["chat", "embed", "rerank"]
KINDS: tuple[Kind, ...] = typing.get_args(Kind)
"""What an endpoint gives: replies, vectors, or scores of texts."""
KEYS = (
    "provider",
    "base_url",
    "api_version",
    "model",
    "alias",
    "key_env",
    "price",
    "context",
    "limits",
    "identity",
    "revision",
    "kind",
    "threads",
)


@dataclass(frozen=True)
class Connection:
    """How to reach one model. Texts that are not needed are empty.

    ``price``: ``input`` and ``output`` in ``currency`` per ``per`` tokens, ``hour`` per hour of machine time.
    ``limits``: ``rpm`` requests and ``tpm`` tokens a minute, ``concurrency`` requests at once, ``wait`` seconds that
    the endpoint may ask a request to pause (300). ``identity``: whether the URL belongs to the model's identity.
    """

    name: str
    provider: str
    base_url: str = ""
    api_version: str = ""
    model: str = ""
    alias: str = ""
    key_env: str = ""
    price: Mapping[str, Any] | None = None
    context: int | None = None
    limits: Mapping[str, float] | None = None
    identity: Literal["model", "endpoint"] = "model"
    revision: str = ""
    kind: Kind = "chat"
    threads: int | None = None

    def identity_model(self) -> ChatModel:
        """Return what can change the model's answers: provider, name, revision, and the URL where the connection says
        so."""
        endpoint = self.base_url if self.identity == "endpoint" else ""
        return ChatModel(self.provider, self.model or self.alias, self.revision, endpoint, self.name)

    def described(self) -> dict[str, Any]:
        """Return the connection as it stands in a sweep file; what has its default is left out."""
        found = {name: value for name, value in asdict(self).items() if name != "name" and value not in ("", None)}
        for name, default in (("identity", "model"), ("kind", "chat")):
            if found[name] == default:
                del found[name]
        return found


def connections(document: SpecDocument, base: Path) -> dict[str, Connection]:
    """Return the connections of a sweep file, those of its shared file included; an own entry wins over a shared one.

    Raises:
        SpecError: with file, line and column.
    """
    top = document.data
    shared = top.get("models_file")
    entries = document.mapping(top["models"], "models") if top.get("models") is not None else {}
    place = "models_file"
    if isinstance(entries.get("file"), str):
        shared, place = entries["file"], "models.file"
    found: dict[str, Connection] = {}
    if shared is not None:
        found |= _shared(document, document.text(shared, place), place, base)
    for name, data in entries.items():
        if place != "models.file" or name != "file":
            found[name] = connection(document, name, data, f"models.{name}")
    return found


def connection(document: SpecDocument, name: str, data: Any, path: str) -> Connection:
    """One connection.

    Raises:
        SpecError: an unknown key, a wrong value, or a secret; the secret is not in the message.
    """
    from ragscout.providers.clients import providers

    if isinstance(data, dict):
        for key in data:
            if key.lower().replace("-", "_") in _SECRETS:
                raise _secret(document, join(path, key))
    fields = document.mapping(data, path, KEYS)
    given = {key: value for key, value in fields.items() if value is not None}

    def text(key: str) -> str:
        return document.text(given[key], join(path, key)) if key in given else ""

    provider = text("provider")
    if provider not in providers():
        raise UnknownNameError(document.at(join(path, "provider")), "provider", provider, providers())
    _check_secrets(document, path, text("key_env"), text("base_url"))
    made = Connection(
        name=name,
        provider=provider,
        base_url=text("base_url").rstrip("/"),
        api_version=text("api_version"),
        model=text("model"),
        alias=text("alias"),
        key_env=text("key_env"),
        price=_price(document, given["price"], join(path, "price")) if "price" in given else None,
        context=document.integer(given["context"], join(path, "context"), 1) if "context" in given else None,
        limits=_limits(document, given["limits"], join(path, "limits")) if "limits" in given else None,
        identity="endpoint"
        if _one_of(document, text("identity"), join(path, "identity"), "model", "endpoint")
        else "model",
        revision=text("revision"),
        kind=_kind(document, text("kind"), join(path, "kind")),
        threads=document.integer(given["threads"], join(path, "threads"), 1) if "threads" in given else None,
    )
    if provider == "http" and not made.model:
        # what stands behind the address is not known: the address is its identity
        made = replace(made, model="system", identity="endpoint")
    if not (made.model or made.alias):
        what = "alias" if provider == "local" else "model"
        raise document.wrong(path, f"{what} is missing", sorted(given), f"Add {what}: the model's name.")
    return made


def _shared(document: SpecDocument, name: str, place: str, base: Path) -> dict[str, Connection]:
    from ragscout.spec.document import read

    path = base / name
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise document.wrong(
            place, f"the file of connections cannot be read ({type(error).__name__})", name, "Correct the path."
        ) from None
    other = read(text, name)
    top = other.mapping(other.data, "")
    inside = "models" if set(top) == {"models"} else ""
    entries = other.mapping(top["models"], "models") if inside else top
    return {key: connection(other, key, data, join(inside, key)) for key, data in entries.items()}


def _one_of(document: SpecDocument, value: str, path: str, default: str, other: str) -> bool:
    """Whether the second of two allowed words was written."""
    if value not in ("", default, other):
        raise UnknownNameError(document.at(path), "value", value, (default, other))
    return value == other


def _kind(document: SpecDocument, value: str, path: str) -> Kind:
    for kind in KINDS:
        if value in ("", kind):
            return kind
    raise UnknownNameError(document.at(path), "value", value, KINDS)


def _price(document: SpecDocument, data: Any, path: str) -> dict[str, Any]:
    fields = document.mapping(data, path, ("input", "output", "per", "currency", "hour"))
    if set(fields) <= {"hour", "currency"} and "hour" in fields:
        hour = document.number(fields["hour"], join(path, "hour"))
        currency = document.text(fields.get("currency", "USD"), join(path, "currency")).upper()
        return {"input": 0.0, "output": 0.0, "per": 1_000_000, "currency": currency, "hour": hour}
    for key in ("input", "output"):
        if key not in fields:
            raise document.wrong(path, f"{key} is missing", sorted(fields), "Write {input: 2.5, output: 10, per: 1M}.")
    per = str(fields.get("per", "1M")).strip().lower()
    if per not in _PER and not (per.isdigit() and int(per)):
        raise document.wrong(join(path, "per"), "it must be a number of tokens", fields["per"], "Write 1M or 1K.")
    return {
        "input": document.number(fields["input"], join(path, "input")),
        "output": document.number(fields["output"], join(path, "output")),
        "per": _PER.get(per) or int(per),
        "currency": document.text(fields.get("currency", "USD"), join(path, "currency")).upper(),
        **({"hour": document.number(fields["hour"], join(path, "hour"))} if "hour" in fields else {}),
    }


def _limits(document: SpecDocument, data: Any, path: str) -> dict[str, float]:
    fields = document.mapping(data, path, ("rpm", "tpm", "concurrency", "wait"))
    return {key: document.number(value, join(path, key), 1) for key, value in fields.items()}


def _secret(document: SpecDocument, path: str) -> SpecError:
    return SpecError(
        f"{document.at(path)}: a secret must not stand in a file; got a value that is not shown. Remove it, put the "
        "key into an environment variable and name that variable: key_env: MY_KEY. If the file was shared, renew it."
    )


def _check_secrets(document: SpecDocument, path: str, key_env: str, base_url: str) -> None:
    if key_env and (not _VARIABLE.fullmatch(key_env) or _LOOKS_SECRET.fullmatch(key_env)):
        raise _secret(document, join(path, "key_env"))
    if not base_url:
        return
    parts = urlsplit(base_url)
    if parts.username or parts.password or parts.query:
        raise _secret(document, join(path, "base_url"))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise document.wrong(join(path, "base_url"), "it must be an http(s) URL", base_url, "Write https://host/v1.")
