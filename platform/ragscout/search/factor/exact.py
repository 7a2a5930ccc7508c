"""The exact posterior of the factor model, for the moments when a choice or a claim is made.

    score of c on q = f_c + g_q(c) + e,   f = mu + X b + r,   g_q ~ N(0, K)

The search itself removes question effects by a fast two-way fit. Here they are integrated out: two configurations
that share the model, a knob value or the whole retrieval prefix fail on the same questions, K(c, c') = d_0 + sum over
knobs of d_k [same value] + d_p [same prefix]. The variances d come from products of residuals within questions,
regressed on what the two configurations share (non-negative least squares), the variances of b and r from the fast
model and a few steps of empirical Bayes. Cost: one small inverse per question and a few of the size of the
configurations touched, about a second at 32,000 answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragscout.search.factor.model import HYPER_VARIANCE, HYPER_WEIGHT, FactorModel
from ragscout.search.space import EncodedSpace, kind_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

STEPS = 4
MOST_CONFIGURATIONS, MOST_PAIRS = 1500, 20_000_000
PRIOR_PAIRS = 2000.0
"""Pairs of residuals that the start values of the question variances count as."""
START_QUESTION, START_SHARED, START_NOISE = 0.08, 0.004, 0.05
CENTRE = 0.5


def affordable(model: FactorModel) -> bool:
    """Whether the exact posterior is small enough to be computed."""
    import numpy as np

    rows, columns, _ = model.cells()
    per_question = np.bincount(columns, minlength=1)
    return (
        len(np.unique(rows)) <= MOST_CONFIGURATIONS and len(per_question) * int(per_question.max()) ** 2 <= MOST_PAIRS
    )


class ExactPosterior:
    """``mean``: posterior mean of every configuration's mean score, 0..1. A pure function of the model's cells."""

    def __init__(self, model: FactorModel, space: EncodedSpace) -> None:
        """Args: model = updated at least once; space = whose rows the model's rows are."""
        import numpy as np

        rows, columns, values = model.cells()
        self._design, self._phi = model.design, np.hstack([model.design.phi, np.ones((len(model.design.phi), 1))])
        self._seen, at = np.unique(rows, return_inverse=True)
        self._tau = np.append(model.tau[model.design.group], 0.25)
        self._group = np.append(model.design.group, len(model.tau))
        self.remainder, self.noise = model.remainder, START_NOISE
        self._shared = _shared(space, self._seen)
        self.question_variances = np.array([START_QUESTION] + [START_SHARED] * (len(self._shared) - 1))
        self._pad(at, columns, values - CENTRE)
        # all that a question says counts by its weight: then the mean is the weighted one; the weights add up to the
        # effective number of questions (Kish 1965, section 8.2)
        weights = model.question_weights
        self._weight_of = (weights * weights.sum() / (weights**2).sum())[np.unique(columns)]
        self.mean: Floats = model.mean.copy()
        for _ in range(STEPS):
            self._question_effects()
            self._fit()

    def _pad(self, at: Ints, columns: Ints, values: Floats) -> None:
        """Answers as one row per question: positions of the configurations and their scores, padded."""
        import numpy as np

        names, question = np.unique(columns, return_inverse=True)
        order = np.argsort(question, kind="stable")
        count = np.bincount(question, minlength=len(names))
        place = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
        shape = len(names), int(count.max())
        self._index, self._live = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=bool)
        self._values = np.zeros(shape)
        self._index[question[order], place] = at[order]
        self._live[question[order], place] = True
        self._values[question[order], place] = values[order]
        self._pairs = self._live[:, :, None] & self._live[:, None, :]
        self._pairs[:, np.arange(shape[1]), np.arange(shape[1])] = False

    def _question_effects(self) -> None:
        """Variances of what questions do, from products of residuals of pairs that share the same things."""
        import numpy as np
        from scipy.optimize import nnls

        residual = np.where(self._live, self._values - (self.mean[self._seen] - CENTRE)[self._index], 0.0)
        code = sum(same.astype(np.int64) << k for k, same in enumerate(self._shared[1:]))
        code = np.zeros(self._shared[0].shape, dtype=np.int64) + code
        kinds, pattern = np.unique(code, return_inverse=True)
        pattern = pattern.reshape(code.shape)
        pair = pattern[self._index[:, :, None], self._index[:, None, :]][self._pairs]
        product = (residual[:, :, None] * residual[:, None, :])[self._pairs]
        count = np.bincount(pair, minlength=len(kinds)).astype(np.float64)
        used = count > 0
        mean = np.bincount(pair, product, len(kinds))[used] / count[used]
        features = np.hstack(
            [np.ones((len(kinds), 1)), (kinds[:, None] >> np.arange(len(self._shared) - 1)) & 1]
        ).astype(np.float64)[used]
        root, prior = np.sqrt(count[used]), np.sqrt(PRIOR_PAIRS)
        start = np.array([START_QUESTION] + [START_SHARED] * (len(self._shared) - 1))
        left = np.vstack([features * root[:, None], np.eye(len(start)) * prior])
        self.question_variances = nnls(left, np.append(mean * root, start * prior))[0] + 1e-7
        total = float((residual**2).sum() / self._live.sum())
        self.noise = float(np.clip(total - self.question_variances.sum(), 0.002, 0.2))

    def _fit(self) -> None:
        """Posterior of the factors and the remainders with the questions' effects integrated out."""
        import numpy as np
        from scipy.linalg import cho_solve, solve_triangular

        self._precision, self._force = self._information()
        size, phi = len(self._seen), self._phi[self._seen]
        inverse = np.linalg.inv(np.eye(size) + self.remainder * self._precision)
        weight = (np.eye(size) - inverse) / self.remainder
        gram = phi.T @ ((weight + weight.T) / 2) @ phi
        gram[np.diag_indices(len(gram))] += 1 / self._tau
        self._factor = np.linalg.cholesky(gram)
        self._weights = cho_solve((self._factor, True), phi.T @ (inverse @ self._force))
        spread = (solve_triangular(self._factor, np.eye(len(gram)), lower=True) ** 2).sum(0)
        self._variances(spread)
        rest = np.linalg.inv(self._precision + np.eye(size) / self.remainder)
        self._rest = (rest + rest.T) / 2
        self.mean = CENTRE + self._phi @ self._weights
        self.mean[self._seen] += self._rest @ (self._force - self._precision @ (phi @ self._weights))

    def _information(self) -> tuple[Floats, Floats]:
        """Precision and force that the answers put on the means of the configurations touched."""
        import numpy as np

        size = len(self._seen)
        kernel = sum(d * same for d, same in zip(self.question_variances, self._shared, strict=True))
        kernel = np.zeros((size, size)) + kernel
        covariance = np.where(self._pairs, kernel[self._index[:, :, None], self._index[:, None, :]], 0.0)
        diagonal = np.arange(covariance.shape[1])
        covariance[:, diagonal, diagonal] = np.where(self._live, kernel[self._index, self._index] + self.noise, 1.0)
        inverse = np.linalg.inv(covariance) * self._weight_of[:, None, None]
        inverse[:, diagonal, diagonal] *= self._live
        force = np.einsum("qij,qj->qi", inverse, self._values)
        pair = self._index[:, :, None] * size + self._index[:, None, :]
        precision = np.bincount(pair.ravel(), inverse.ravel(), size * size).reshape(size, size)
        pulls: Floats = np.bincount(self._index.ravel(), force.ravel(), size).astype(np.float64)
        return (precision + precision.T) / 2, pulls

    def _variances(self, spread: Floats) -> None:
        """One step of empirical Bayes on the group variances, as in the fast model; the intercept keeps its own."""
        import numpy as np

        group, groups = self._group, int(self._group[-1]) + 1
        known = np.bincount(group, 1 - spread / self._tau, groups)
        squares = np.bincount(group, self._weights**2, groups) + HYPER_WEIGHT * HYPER_VARIANCE
        tau = np.clip(squares / (known + HYPER_WEIGHT), 1e-7, 0.02)
        self._tau[:-1] = tau[group[:-1]]

    def sample(self, rng: Any, count: int) -> Floats:
        """Joint posterior samples of all configuration means, shape (configurations, count)."""
        import numpy as np
        from scipy.linalg import solve_triangular

        noise = rng.normal(size=(len(self._weights), count))
        drawn = self._weights[:, None] + solve_triangular(self._factor, noise, lower=True, trans="T")
        fitted = self._phi @ drawn
        rest: Floats = rng.normal(size=(len(self._phi), count)) * np.sqrt(self.remainder)
        pull = self._force[:, None] - self._precision @ fitted[self._seen]
        root = np.linalg.cholesky(self._rest)
        rest[self._seen] = self._rest @ pull + root @ rng.normal(size=(len(self._seen), count))
        found: Floats = CENTRE + fitted + rest
        return found


def _shared(space: EncodedSpace, rows: Ints) -> list[NDArray[np.bool_]]:
    """Return what two configurations have in common, per kind a table of shape (rows, rows): everything, the value of
    each knob that differs somewhere, the whole retrieval prefix."""
    import numpy as np

    codes, active = space.codes[rows], space.active[rows]
    found = [np.ones((len(rows), len(rows)), dtype=bool)]
    for k in range(codes.shape[1]):
        if len(np.unique(codes[:, k])) > 1:
            found.append((codes[:, k, None] == codes[:, k]) & active[:, k, None] & active[:, k])
    retrieval = [k for k, name in enumerate(space.knobs) if kind_of(name) == "retrieval"]
    if retrieval:
        prefix = np.unique(codes[:, retrieval], axis=0, return_inverse=True)[1].reshape(-1)
        if 1 < len(np.unique(prefix)) < len(rows):
            found.append(prefix[:, None] == prefix)
    return found
