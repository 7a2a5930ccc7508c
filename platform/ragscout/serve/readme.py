"""The page that lies in every bundle and says how to use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PAGE = """# {name}

A retrieval-augmented generation pipeline, exported by ragscout {version}. It runs exactly what was measured.
ragscout로 내보낸 검색 증강 생성 파이프라인입니다. 측정한 그대로 실행됩니다.

In place of `BUNDLE` put this folder or archive.

    ragscout ask BUNDLE "your question"
    ragscout verify BUNDLE

```python
from ragscout import Pipeline

reply = Pipeline.load("BUNDLE").ask("your question")
print(reply.text, reply.sources)
```

| | |
|---|---|
| sweep | {sweep} |
| evaluation set | {eval_set} |
| questions measured | {measured} of {questions} |
| configuration key | `{key}` |
| carries | {carries} |
| needs | {needs} |

## Steps
{steps}
{scores}{models}{network}
`bundle.json` holds all of it for programs, `prompts/` the texts sent to models, `CHECKSUMS.json` the SHA-256 of every
file: a bundle that was changed is refused. There is no secret in it: keys are read from the environment. On a machine
that did not export it, keys and addresses must be allowed by name, once: `ragscout ask BUNDLE ... --allow NAME`.
"""


def text(made: Mapping[str, Any]) -> str:
    """Return the page for a manifest."""
    sweep, eval_set = made["sweep"], made["eval_set"]
    libraries = made["libraries"]
    return _PAGE.format(
        name=made["name"],
        version=libraries.get("ragscout", ""),
        sweep=sweep["id"] or sweep["name"],
        eval_set=f"{eval_set['name']}@{eval_set['version']}",
        measured=made["measured"],
        questions=eval_set["questions"],
        key=made["key"],
        carries="the source documents; the index is built when the bundle is loaded" if made["files"] else "its index",
        needs=", ".join(f"{name} {version}" for name, version in libraries.items()),
        steps="\n".join(f"- {stage}: {_step(item)}" for stage, item in made["steps"].items()) + "\n",
        scores=_scores(made["scores"]),
        models=_models(made),
        network=_network(made["network"]),
    )


def _step(item: Mapping[str, Any]) -> str:
    given = ", ".join(f"{name}={_short(value)}" for name, value in item["parameters"].items())
    return f"`{item['name']}({given})` version {item['version']}"


def _short(value: Any) -> str:
    if isinstance(value, dict) and value.keys() == {"$file"}:
        return str(value["$file"])
    shown = str(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def _scores(row: Mapping[str, Any] | None) -> str:
    figures = (row or {}).get("figures") or {}
    lines = [
        f"| {name} | {item['mean']:.3f} | {_interval(item)} | {item['scored']} of {item['asked']} |"
        for name, item in figures.items()
        if item.get("mean") is not None
    ]
    if not lines:
        return ""
    return "\n".join(["\n## Scores", "| figure | mean | 95 % | questions |", "|---|---|---|---|", *lines, ""])


def _interval(item: Mapping[str, Any]) -> str:
    if item.get("low") is None or item.get("high") is None:
        return "–"
    return f"{item['low']:.3f} to {item['high']:.3f}"


def _models(made: Mapping[str, Any]) -> str:
    lines = [
        f"- {item['stage']}: {item['provider']} {item['model']}"
        + (f" ({item['revision']})" if item["revision"] else "")
        for item in made["models"]
    ]
    lines += [
        f"- set `{item['key_env']}` to the key of `{item['name']}`"
        for item in made["connections"]
        if item.get("key_env")
    ]
    return "\n".join(["\n## Models", *lines, ""]) if lines else ""


def _network(hosts: list[str]) -> str:
    return f"\nHosts that it may reach: {', '.join(hosts)}.\n" if hosts else "\nIt reaches no host on the network.\n"
