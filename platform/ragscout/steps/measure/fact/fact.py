"""``fact``: whether an answer states the fact of its reference, judged by rules with fitted weights."""

from __future__ import annotations

from ragscout.model.metric import Figure
from ragscout.model.outcome import Failure, Score
from ragscout.model.step import step
from ragscout.steps.measure.base import AnswerPair, TextMetric
from ragscout.steps.measure.fact.features import FEATURES, compare
from ragscout.steps.measure.fact.tables import TABLES
from ragscout.steps.measure.fact.weights import WEIGHTS, weights_for
from ragscout.steps.measure.refusal import READ
from ragscout.steps.measure.squad import WORDS
from ragscout.steps.measure.tokens import KO_FUNCTION, korean_tokeniser

CORRECTNESS, CHANCE = "fact.correctness", "fact.chance"
RIGHT = 0.5
"""An answer counts as right above this chance."""
UNSURE = (0.25, 0.75)
"""Between these chances a person's label says most."""
SHOWN = 3
"""Contributions that are shown beside a score."""
MOST_REFERENCES = 3
_HELP = {feature.name: feature.help for feature in FEATURES}


@step(
    "measure",
    "fact",
    version=2,
    libraries=("nltk", "kiwipiepy"),
    packaged=(*READ, WORDS, KO_FUNCTION, TABLES, WEIGHTS),
)
class Fact(TextMetric):
    """Whether an answer states the fact of its reference: numbers with units, names, yes or no, words in common.

    ``fact.correctness`` is 1 when the chance of being right is above 0.5, else 0: its mean is a share of right answers.
    ``fact.chance`` is that chance and only breaks ties. Both come from a logistic regression over documented features
    (``features.FEATURES``) of question, answer and up to three references, with weights fitted on the packaged labels
    (English and Korean). A question of a labelled set is judged by weights that saw no label of that set. No model is
    needed; an answer takes about 5 ms.

    It is weak where a better writer paraphrases, where arguments are swapped, and where a sentence stands next to the
    right one on the right page.
    """

    reads_question = True
    tested_on_triples = False

    def figures(self) -> tuple[Figure, ...]:
        """Return the share of right answers and the chance of being right, each 0..1."""
        return Figure(CORRECTNESS, pass_level=1.0), Figure(CHANCE)

    def signature(self) -> str:
        """Return rules, weights and tokenisers."""
        rules = f"nrefs:best of {MOST_REFERENCES}|features:{len(FEATURES)}|weights:{WEIGHTS.digest[:8]}|right:p>{RIGHT}"
        return f"fact|{rules}|tok:porter, ko:{korean_tokeniser()}"

    def score(self, pair: AnswerPair) -> dict[str, Score | Failure]:
        """Return both figures; the detail of the first says why."""
        compared = compare(pair.question, pair.references[:MOST_REFERENCES], pair.answer)
        weights = weights_for(pair.question)
        chance = weights.chance(compared.values)
        detail = {"chance": f"{chance:.2f}"}
        if UNSURE[0] < chance < UNSURE[1]:
            detail["unsure"] = "yes"
        for place, (name, added) in enumerate(weights.contributions(compared.values)[:SHOWN], 1):
            said = compared.because.get(name, _HELP[name])
            detail[f"reason {place}"] = f"{'for' if added > 0 else 'against'}: {said} ({added:+.1f})"
        if weights.without:
            detail["weights"] = f"fitted without {weights.without}"
        return {CORRECTNESS: Score(float(chance > RIGHT), detail), CHANCE: Score(chance)}
