"""Names of metrics and figures, as the field writes them and as MLflow takes them."""

from __future__ import annotations

import re

from ragscout.model.errors import ParameterError

_SPELLINGS = {
    "mrr": "mrr",
    "ndcg": "ndcg",
    "hit_rate": "hit",
    "hits": "hit",
    "success": "hit",
    "precision": "precision",
    "recall": "recall",
    "sacrebleu": "bleu",
    "chrf++": "chrf",
    "rouge-1": "rouge1",
    "rouge-2": "rouge2",
    "rouge-l": "rougeL",
    "rouge_l": "rougeL",
    "rougel": "rougeL",
    "bert_score": "bertscore",
    "bert-score": "bertscore",
    "sem_score": "semscore",
    "em": "exact_match",
    "f1": "token_f1",
    "llm_judge": "judge",
}
_CUTOFF = re.compile(r"(?P<name>[^@\s]+)@(?P<k>.*)", re.DOTALL)


def parse_metric(text: str) -> tuple[str, dict[str, object]]:
    """Step name and parameters of a metric as people write it.

    ``recall@5`` gives ``("recall", {"k": 5})``, ``judge.correctness`` gives
    ``("judge", {"criteria": ("correctness",)})``, ``bleu`` gives ``("bleu", {})``. Usual other spellings
    (``nDCG@10``, ``rouge-l``) are accepted. Whether the name is registered is for the registry to say.

    Raises:
        ParameterError: when what follows the ``@`` is not a whole number of at least 1.
    """
    written = text.strip()
    parameters: dict[str, object] = {}
    found = _CUTOFF.fullmatch(written)
    if found:
        if not re.fullmatch(r"[0-9]{1,6}", found["k"]) or int(found["k"]) < 1:
            raise ParameterError(
                f"measure: the cut-off of {text!r} is not a whole number from 1 on; got {found['k']!r}. "
                f"Write for example {found['name']}@5."
            )
        written, parameters["k"] = found["name"], int(found["k"])
    if written.startswith("judge."):
        return "judge", {"criteria": (written.removeprefix("judge."),), **parameters}
    scope, _, rest = written.rpartition(".")
    if scope.lower() == "doc":
        return f"doc.{_spelled(rest)}", parameters
    return _spelled(written), parameters


def canonical_figure(text: str) -> str:
    """Return a figure's name as the board shows it: ``nDCG@10`` gives ``ndcg@10``, ``BERTScore`` gives ``bertscore``.

    Raises:
        ParameterError: as ``parse_metric``.
    """
    name, parameters = parse_metric(text)
    if name == "judge" and "criteria" in parameters:
        return text.strip()
    return f"{name}@{parameters['k']}" if "k" in parameters else name


def mlflow_name(figure: str) -> str:
    """Name of a figure in MLflow, which refuses ``@`` and most punctuation: ``recall@5`` gives ``recall_5``.

    Letters of any script, digits, ``_ - . space : /`` pass; every other character becomes ``_``.
    """
    return re.sub(r"[^\w\-. :/]", "_", figure)


def _spelled(name: str) -> str:
    lower = name.lower()
    return _SPELLINGS.get(lower, lower)
