"""A Bayesian factor model over all configurations, learned from single (configuration, question) scores.

    score of c on q = mu + u_q + v_(model of c, q) + x_c b + r_c + e

``x_c``: one-hot main effects and all two-way products of the knobs, the prefix's retrieval figure and its product with
the model; an inactive knob is a zero row. b ~ N(0, tau_g) per group of columns, r_c ~ N(0, tau_r): both by empirical
Bayes. u, v are a two-way fit with shrinkage. Where questions count differently, the mean of a configuration is the
weighted one and n the effective number of answers, (sum w)^2 / sum w^2 (Kish 1965, section 8.2).
The posterior lives in weight space, so a new block costs one Cholesky of
a few hundred columns whatever the number of configurations. Source: the project's search notes (algorithm "FACT2").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ragscout.model.stages import Kind
from ragscout.search.factor.design import Design, make_design

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = ["Design", "FactorModel", "Kind", "choose", "make_design"]
QUESTION_VARIANCE = 0.04
MODEL_QUESTION_VARIANCE = 0.014
MAIN_START, OTHER_START = 0.03**2, 0.02**2
HYPER_WEIGHT, HYPER_VARIANCE = 2.0, 0.01**2
REMAINDERS = (0.006**2, 0.01**2, 0.015**2, 0.022**2, 0.03**2, 0.045**2)
"""Variances of r_c that are tried; the smallest keeps the search from trusting the factors alone."""
SHARPER = 0.6
"""Posterior samples are drawn this much nearer to their mean when the next blocks are chosen, so that many near ties
do not spread the calls thinly. Found on 24 tuning worlds; on 100 others (1,000 questions) plain samples did as well."""
LIGHTEST = 1e-6
"""Weight of a question that does not count, so that a configuration that answered only such ones has a mean."""
EMPIRICAL_EVERY, REMAINDER_EVERY, REMAINDER_AT = 3, 9, 4
"""Updates between two fits of the group variances, and of the remainder; never both in one update."""


class FactorModel:
    """Posterior over the mean score of every configuration. Scores are on 0..1, higher is better. ``weights``: of the
    questions, empty when all count alike.

    The state after a sequence of ``update`` calls is a pure function of that sequence.
    """

    def __init__(self, design: Design, questions: int, weights: Sequence[float] = ()) -> None:
        import numpy as np

        self.question_weights: Floats = np.maximum(weights if weights else np.ones(questions), LIGHTEST)
        self._weighted = bool(weights)
        self.design, self.questions = design, questions
        groups = int(design.group.max()) + 1
        self._effect: Floats = np.zeros(questions)
        self._own_effect: Floats = np.zeros((int(design.model.max()) + 1, questions))
        self._question_count: Ints = np.zeros(questions, dtype=np.int64)
        self.tau = np.full(groups, OTHER_START)
        self.tau[: max(1, design.mains)] = MAIN_START
        self.remainder, self.noise, self.updates = REMAINDERS[1], 0.08, 0
        self.count: Ints = np.zeros(len(design.phi), dtype=np.int64)
        self.effective: Floats = np.zeros(len(design.phi))
        self.mean: Floats = np.zeros(len(design.phi))
        self._rows, self._columns, self._values = _Buffer(np.int64), _Buffer(np.int64), _Buffer(np.float64)

    def add(self, rows: Sequence[int] | Ints, columns: Sequence[int] | Ints, values: Sequence[float] | Floats) -> None:
        """Scores of configurations ``rows`` on questions ``columns``; they count from the next ``update`` on."""
        for buffer, items in ((self._rows, rows), (self._columns, columns), (self._values, values)):
            buffer.extend(items)

    def cells(self) -> tuple[Ints, Ints, Floats]:
        """Everything added so far: configurations, questions, scores."""
        return self._rows.array, self._columns.array, self._values.array

    def update(self) -> None:
        """Refit question effects, noise, weights and, every third time, the variances."""
        import numpy as np
        from scipy.linalg import cho_solve, solve_triangular

        yb, n, seen = self._configuration_means()
        phi, group = self.design.phi[seen], self.design.group
        empirical = self.updates % EMPIRICAL_EVERY == 0
        self.origin = float(np.average(yb, weights=1 / (self.remainder + self.noise / n)))
        for _ in range(EMPIRICAL_EVERY if empirical else 1):
            weight = 1 / (self.remainder + self.noise / n)
            precision = (phi * weight[:, None]).T @ phi
            precision[np.diag_indices(len(group))] += 1 / self.tau[group]
            self._factor = np.linalg.cholesky(precision)
            self.weights = cho_solve((self._factor, True), phi.T @ (weight * (yb - self.origin)))
            if empirical:
                inverse = solve_triangular(self._factor, np.eye(len(group)), lower=True)
                self._variances((inverse**2).sum(0))
        if self.updates % REMAINDER_EVERY == REMAINDER_AT:
            self._remainder(phi, yb - self.origin, n)
        self._seen, self._observed, self._n = seen, yb, n
        self.shrink = self.remainder / (self.remainder + self.noise / n)
        self.mean = self.origin + self.design.phi @ self.weights
        self.mean[seen] += self.shrink * (yb - self.mean[seen])
        self.updates += 1

    def _configuration_means(self) -> tuple[Floats, Floats, Ints]:
        """Means per configuration after question effects, their effective counts, and which configurations have
        any."""
        import numpy as np

        rows, columns, values = self._rows.array, self._columns.array, self._values.array
        configurations, questions = len(self.design.phi), self.questions
        self.count = np.bincount(rows, minlength=configurations)
        seen = np.flatnonzero(self.count)
        weight = self.question_weights[columns]
        self.effective = np.zeros(configurations)
        self.effective[seen] = (
            np.bincount(rows, weight, configurations)[seen] ** 2 / np.bincount(rows, weight**2, configurations)[seen]
        )
        base = self.mean if self.updates else _mean_by(rows, values, configurations, weight)
        residual = values - base[rows]
        per_question = np.bincount(columns, minlength=questions)
        effect = np.bincount(columns, residual, questions) / (per_question + self.noise / QUESTION_VARIANCE)
        if self._weighted:
            effect = effect - np.average(effect, weights=self.question_weights)
        left = residual - effect[columns]
        self._effect, self._question_count = effect, per_question
        if self.updates and self.design.model.max() > 0:
            # Centred per model, so that the model's main effect stays in the configuration means.
            cell = self.design.model[rows] * questions + columns
            size = (int(self.design.model.max()) + 1) * questions
            own = np.bincount(cell, left, size) / (
                np.bincount(cell, minlength=size) + self.noise / MODEL_QUESTION_VARIANCE
            )
            own = own.reshape(-1, questions)
            own -= np.average(own, axis=1, weights=self.question_weights)[:, None]
            left = left - own.reshape(-1)[cell]
            self._own_effect = own
        adjusted = left + base[rows]
        means = _mean_by(rows, adjusted, configurations, weight)
        spread = float(((adjusted - means[rows]) ** 2).sum())
        freedom = max(1.0, len(values) - len(seen) - 0.7 * float((per_question > 0).sum()))
        self.noise = float(np.clip(spread / freedom, 0.002, 0.2))
        return means[seen], self.effective[seen], seen

    def _variances(self, spread: Floats) -> None:
        """Empirical Bayes: MacKay's update of the group variances with a weak hyper-prior."""
        import numpy as np

        group, groups = self.design.group, len(self.tau)
        known = 1 - spread / self.tau[group]
        squares = np.bincount(group, self.weights**2, groups) + HYPER_WEIGHT * HYPER_VARIANCE
        self.tau = np.clip(squares / (np.bincount(group, known, groups) + HYPER_WEIGHT), 1e-7, 0.02)

    def _remainder(self, phi: Floats, y: Floats, n: Floats) -> None:
        """One step on the grid of variances of r_c towards the largest marginal likelihood (weights integrated out, so
        that flexible columns do not hide the remainder)."""
        import numpy as np
        from scipy.linalg import solve_triangular

        at = REMAINDERS.index(self.remainder)
        losses = {}
        for candidate in REMAINDERS[max(0, at - 1) : at + 2]:
            weight = 1 / (candidate + self.noise / n)
            precision = (phi * weight[:, None]).T @ phi
            precision[np.diag_indices(phi.shape[1])] += 1 / self.tau[self.design.group]
            factor = np.linalg.cholesky(precision)
            fitted = solve_triangular(factor, phi.T @ (weight * y), lower=True)
            quadratic = float((weight * y**2).sum() - (fitted**2).sum())
            losses[candidate] = quadratic - float(np.log(weight).sum()) + 2 * float(np.log(np.diag(factor)).sum())
        self.remainder = min(losses, key=losses.__getitem__)

    def sample(self, rng: Any, count: int) -> Floats:
        """Joint posterior samples of all configuration means, shape (configurations, count)."""
        import numpy as np
        from scipy.linalg import solve_triangular

        phi, seen = self.design.phi, self._seen
        noise = rng.normal(size=(len(self.weights), count))
        drawn = self.weights[:, None] + solve_triangular(self._factor, noise, lower=True, trans="T")
        sample: Floats = self.origin + phi @ drawn
        rest: Floats = rng.normal(size=(len(phi), count)) * np.sqrt(self.remainder)
        shrink = self.shrink[:, None]
        rest[seen] = shrink * (self._observed[:, None] - sample[seen]) + rest[seen] * np.sqrt(1 - shrink)
        return sample + rest

    def predictive(self, rows: Ints) -> tuple[Floats, Floats]:
        """Posterior mean and variance of the configuration means of some rows."""
        from scipy.linalg import solve_triangular

        root = solve_triangular(self._factor, self.design.phi[rows].T, lower=True)
        n = self.effective[rows]
        shrink = n * self.remainder / (n * self.remainder + self.noise)
        variance: Floats = (1 - shrink) ** 2 * (root**2).sum(0) + (1 - shrink) * self.remainder
        return self.mean[rows], variance

    def block_errors(
        self, rows: Sequence[int], columns: Sequence[Sequence[int] | Ints], values: Sequence[Sequence[float] | Floats]
    ) -> list[float]:
        """Standardised errors of the predicted means of blocks, before the model learns from them."""
        import numpy as np

        mean, variance = self.predictive(np.asarray(rows))
        errors = []
        for i, row in enumerate(rows):
            asked = np.asarray(columns[i])
            share = self.question_weights[asked] / self.question_weights[asked].sum()
            effect = self._effect[asked] + self._own_effect[self.design.model[row], asked]
            unsure = 1 / (1 / QUESTION_VARIANCE + self._question_count[asked] / self.noise)
            expected = float(variance[i]) + float((share**2 * (self.noise + unsure)).sum())
            errors.append(float((share * (np.asarray(values[i]) - effect)).sum() - mean[i]) / expected**0.5)
        return errors

    def contrasts(self, weights: Floats) -> tuple[Floats, Floats]:
        """Posterior mean and sd of weighted sums of what the factors give the configurations; ``weights`` has the
        shape (sums, configurations). The remainder of single configurations is left out."""
        import numpy as np
        from scipy.linalg import solve_triangular

        directions = weights @ self.design.phi
        root = solve_triangular(self._factor, directions.T, lower=True)
        return directions @ self.weights, np.sqrt((root**2).sum(0))

    def interaction_share(self) -> float:
        """Posterior share (0..1) of two-way terms and remainder in the variance between configurations."""
        phi, weights = self.design.phi, self.weights
        inter = self.design.interaction[self.design.group]
        main = float((phi[:, ~inter] @ weights[~inter]).var())
        other = float((phi[:, inter] @ weights[inter]).var()) + self.remainder
        return other / (main + other) if main + other > 0 else 0.0


def _mean_by(rows: Ints, values: Floats, size: int, weight: Floats) -> Floats:
    """Weighted means of the values of each row, 0 without any."""
    import numpy as np

    total = np.bincount(rows, weight, size)
    found: Floats = np.bincount(rows, weight * values, size) / np.where(total > 0, total, 1.0)
    return found


class _Buffer:
    """A growing array."""

    def __init__(self, kind: Any) -> None:
        import numpy as np

        self._data, self._used = np.zeros(1024, dtype=kind), 0

    def extend(self, items: Sequence[float] | NDArray[Any]) -> None:
        import numpy as np

        end = self._used + len(items)
        if end > len(self._data):
            self._data = np.concatenate([self._data, np.zeros(max(end, len(self._data)), dtype=self._data.dtype)])
        self._data[self._used : end] = items
        self._used = end

    @property
    def array(self) -> Any:
        return self._data[: self._used]


def choose(
    model: FactorModel,
    count: int,
    block: int,
    room: Ints,
    rng: Any,
    price: Floats | None = None,
    samples: int = 24,
) -> list[int]:
    """Rows for the next ``count`` blocks by top-two Thompson sampling.

    ``room``: questions each row may still be asked (0 = closed). The top of a random posterior sample, or with
    probability one half the top of another sample that differs; at most two blocks of a row at once. ``price``: what a
    block of each row costs; a sample is drawn with a weight of one over its top's price, so that a row is chosen in
    proportion to its probability of being top over its price.
    """
    import numpy as np

    mean = model.mean[:, None]
    sample = mean + SHARPER * (model.sample(rng, samples) - mean)
    sample[room <= 0] = -np.inf
    depth = min(40, len(sample))
    top = np.argpartition(-sample, depth - 1, axis=0)[:depth]
    order = np.take_along_axis(top, np.argsort(-np.take_along_axis(sample, top, 0), axis=0, kind="stable"), 0)
    weight = None if price is None else 1 / price[order[0]]
    chosen: list[int] = []
    taken: dict[int, int] = {}
    for _ in range(4 * count):
        if len(chosen) >= count:
            break
        if weight is None:
            first, second = rng.integers(samples), rng.integers(samples)
        else:
            first, second = rng.choice(samples, 2, p=weight / weight.sum())
        row = int(order[0, first])
        if rng.random() < 0.5:
            row = int(order[0, second]) if order[0, second] != row else int(order[min(1, depth - 1), second])
            first = second
        for place in range(depth):
            if taken.get(row, 0) < 2 and room[row] > block * taken.get(row, 0):
                break
            row = int(order[place, first])
        if taken.get(row, 0) < 2 and room[row] > block * taken.get(row, 0):
            taken[row] = taken.get(row, 0) + 1
            chosen.append(row)
    return chosen
