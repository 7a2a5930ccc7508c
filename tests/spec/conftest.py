"""The registry for these tests: every step of the package, and a stand-in for each that is not installed."""

import importlib
import pkgutil
from dataclasses import field

import ragscout.steps
from ragscout.model.runtime import ChatModel
from ragscout.model.step import Step, step, steps_of

for package in pkgutil.iter_modules(ragscout.steps.__path__):
    if package.ispkg:
        importlib.import_module(f"ragscout.steps.{package.name}")


def stand_in(stage: str, name: str, **fields: object) -> None:
    if name in steps_of(stage):
        return
    namespace = {"__annotations__": {key: kind for key, (kind, _) in fields.items()}}
    for key, (_, default) in fields.items():
        if default is not ...:
            namespace[key] = field(default=default)
    step(stage, name, version=1)(type(f"StandIn{stage}{name}", (Step,), namespace))


stand_in("embed", "use-multilingual", model=(str, "use-multilingual"), revision=(str, ""))
stand_in("index", "lancedb")
stand_in("lexicon", "bm25", k1=(float, 1.2), b=(float, 0.75), tokenizer=(str, "bigrams"))
stand_in("query", "as-asked")
stand_in("dense", "nearest", depth=(int, 100))
stand_in("lexical", "bm25", depth=(int, 100))
stand_in("fuse", "dense")
stand_in("fuse", "lexical")
stand_in("fuse", "rrf", k=(int, 60))
stand_in("fuse", "weighted", weight=(float, 0.5))
stand_in("rerank", "none")
stand_in("prompt", "template", text=(str, ""), passages=(int, 5), language=(str, "question"))
stand_in("generate", "chat", model=(ChatModel, ...), temperature=(float, 0.0), max_tokens=(int, 256))
stand_in("generate", "extractive")
