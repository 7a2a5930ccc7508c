"""Fits the weights of the fact score from the packaged labels and says how well they judge what they never saw.

python experiments/studies/fact-score/fit.py          figures only
python experiments/studies/fact-score/fit.py --write  and the weights into the package
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

import ragscout.steps.measure.fact as package
from ragscout.steps.measure.fact.features import FEATURES, compare, ordered
from ragscout.steps.measure.fact.weights import question_digest
from ragscout.steps.measure.tokens import clean

HOME = Path(package.__file__).parent
LABELS = HOME / "labels.jsonl"
ROOT = Path(__file__).parents[3]
REAL = ("given50", "demo", "fresh-pg", "fresh-en7", "fresh-ko", "main-en", "main-ko")
RIDGE = 1.0
FOLDS = 8
Row = Mapping[str, Any]


def fit(table: np.ndarray, right: np.ndarray) -> dict[str, object]:
    """L2 logistic regression on standardised figures, each weight held to the sign its feature may have."""
    mean, spread = table.mean(0), table.std(0) + 1e-6
    scaled = (table - mean) / spread

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        margin = scaled @ weights[1:] + weights[0]
        error = 1 / (1 + np.exp(-margin)) - right
        value = (np.logaddexp(0, margin) - right * margin).sum() + 0.5 * RIDGE * (weights[1:] ** 2).sum()
        return value, np.concatenate([[error.sum()], scaled.T @ error + RIDGE * weights[1:]])

    bounds = [(None, None)] + [
        (0, None) if item.sign > 0 else (None, 0) if item.sign < 0 else (None, None) for item in FEATURES
    ]
    found = minimize(loss, np.zeros(table.shape[1] + 1), jac=True, bounds=bounds, method="L-BFGS-B").x
    plain = found[1:] / spread
    return {
        "intercept": round(float(found[0] - plain @ mean), 4),
        "weights": {item.name: round(float(value), 4) for item, value in zip(FEATURES, plain, strict=True)},
    }


def chance(weights: Mapping[str, object], table: np.ndarray) -> np.ndarray:
    """Chance of being right, per row."""
    values = weights["weights"]
    assert isinstance(values, dict)
    margin = table @ np.array([values[item.name] for item in FEATURES]) + float(str(weights["intercept"]))
    return 1 / (1 + np.exp(-margin))


def auc(score: np.ndarray, right: np.ndarray) -> float:
    """Area under the ROC curve, ties counted half."""
    good, bad = score[right == 1], score[right == 0]
    return (
        float((good[:, None] > bad).mean() + 0.5 * (good[:, None] == bad).mean()) if len(good) and len(bad) else np.nan
    )


def kappa(said: np.ndarray, right: np.ndarray) -> float:
    """Cohen's kappa of two yes/no ratings."""
    agree = (said == right).mean()
    luck = said.mean() * right.mean() + (1 - said.mean()) * (1 - right.mean())
    return float((agree - luck) / (1 - luck)) if luck < 1 else np.nan


def report(name: str, score: np.ndarray, right: np.ndarray) -> None:
    """Print the figures of one group of answers."""
    said = (score > 0.5).astype(int)
    wrong = right == 0
    print(
        f"{name:34} n {len(right):4}  right {right.mean():.2f}  AUC {auc(score, right):.3f}"
        f"  kappa {kappa(said, right):.2f}"
        f"  false pass {said[wrong].mean() if wrong.any() else np.nan:.3f}  false fail {1 - said[~wrong].mean():.3f}"
    )


def write(rows: Sequence[Row], table: np.ndarray, right: np.ndarray, sets: Sequence[str]) -> None:
    """Put the weights into the package: fitted on all labels and without each labelled set, and the sets' questions."""
    without = {"": fit(table, right)}
    questions = {}
    for name in sets:
        at = np.array([row["set"] != name for row in rows])
        without[name] = fit(table[at], right[at])
        known = {str(row["question"]) for row in rows if row["set"] == name}
        bundled = ROOT / "eval_sets" / name / "questions.jsonl"
        known |= {json.loads(line)["question"] for line in bundled.read_text(encoding="utf-8").splitlines()}
        questions[name] = sorted(question_digest(clean(question)) for question in known)
    text = json.dumps({"without": without, "questions": questions}, indent=1, sort_keys=True, ensure_ascii=False)
    (HOME / "weights.json").write_text(text + "\n", encoding="utf-8")


def read(path: Path) -> tuple[list[Row], np.ndarray, np.ndarray]:
    """Labelled answers, their features in the order of ``FEATURES``, and 1 for those that are right."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    table = [
        ordered(compare(clean(row["question"]), [clean(text) for text in row["refs"]], clean(row["answer"])).values)
        for row in rows
    ]
    return rows, np.array(table), np.array([row["label"] for row in rows])


def unseen(rows: Sequence[Row], table: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Chance of every answer by weights that were fitted without the evaluation set it belongs to."""
    found = np.zeros(len(rows))
    for name in {row["set"] for row in rows}:
        at = np.array([row["set"] == name for row in rows])
        found[at] = chance(fit(table[~at], right[~at]), table[at])
    return found


def main() -> None:
    """Fit, report, and write where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--labels", type=Path, default=LABELS)
    parser.add_argument("--errors", default="", help="print the mistakes of one group")
    arguments = parser.parse_args()
    rows, table, right = read(arguments.labels)
    sets = sorted({row["set"] for row in rows})

    def chosen(test: Callable[[Row], bool]) -> np.ndarray:
        return np.array([test(row) for row in rows])

    print("weights fitted without the set:")
    apart = unseen(rows, table, right)
    groups: Sequence[tuple[str, np.ndarray]] = [
        *((name, chosen(lambda row, name=name: row["set"] == name)) for name in sets),
        *(
            (f"{lang} {kind}", chosen(lambda row, lang=lang, test=test: row["lang"] == lang and test(row["group"])))
            for lang in ("en", "ko")
            for kind, test in (("real", lambda g: g in REAL), ("hand", lambda g: g == "hand"), ("all", lambda g: True))
        ),
        *(
            (group, chosen(lambda row, group=group: row["group"] == group))
            for group in sorted({r["group"] for r in rows})
        ),
    ]
    for name, at in groups:
        if at.any():
            report(name, apart[at], right[at])
    questions = np.array([hashlib.sha256(f"{row['set']} {row['qid']}".encode()).digest()[0] % FOLDS for row in rows])
    folds = np.zeros(len(rows))
    for fold in range(FOLDS):
        at = questions == fold
        folds[at] = chance(fit(table[~at], right[~at]), table[at])
    print("cross-fitted by question:")
    for name, at in groups:
        if at.any():
            report(name, folds[at], right[at])
    if arguments.write:
        write(rows, table, right, sets)
    for place in np.flatnonzero((apart > 0.5) != (right == 1)) if arguments.errors else ():
        row = rows[place]
        if arguments.errors in (row["group"], "all"):
            print(f"\n{apart[place]:.2f} label {row['label']} {row['set']} {row['group']}\n  Q {row['question']}")
            print(f"  R {row['refs']}\n  A {row['answer'][:200]}")
            print("  ", {k: round(v, 2) for k, v in zip([f.name for f in FEATURES], table[place], strict=True) if v})


if __name__ == "__main__":
    main()
