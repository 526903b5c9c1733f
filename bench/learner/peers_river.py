"""River's logistic regression and factorisation machine, online: each exposure is predicted, then learned, in plain Python.

`warm_each` is how many of each viewer's newest earlier exposures they are warmed with (at a fraction of a millisecond per row, the
factorisation machine is not given all 50).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from river import facto, linear_model, optim

from features import Context
from stream import Stream

OPTIMISERS = {"adagrad": optim.AdaGrad, "ftrl": optim.FTRLProximal}
LOGISTIC_GRID = [
    {"optimiser": optimiser, "rate": rate, "latest": latest, "warm_each": 5}
    for latest in (True, False)
    for optimiser, rate in (("adagrad", 0.03), ("adagrad", 0.1), ("ftrl", 0.03), ("ftrl", 0.1))
]
"""Tuned with a short warm start for the time that it takes; the runs have all 50."""
FACTORISED_GRID = [
    {"optimiser": "adagrad", "rate": rate, "latent_rate": latent_rate, "factors": 4, "latest": False, "warm_each": 5}
    for rate, latent_rate in ((0.1, 0.02), (0.1, 0.05), (0.05, 0.02))
]


class SparseLogistic(linear_model.LogisticRegression):
    """River's logistic regression with a dot product over the row's own categories.

    River's (0.23) goes over every weight there is for each row, which at this log's 40,000 weights takes milliseconds; the sum is the same.
    """

    def _raw_dot_one(self, x: dict[str, float]) -> float:
        return sum(self._weights.get(name, 0.0) * value for name, value in x.items()) + self.intercept


def features(s: Stream, c: Context, rows: np.ndarray, latest: bool, crossed: bool) -> Iterator[dict[str, Any]]:
    """Each row's categories, one-hot; `crossed` leaves the factorisation machine with the fields that its pairs are worth making of."""
    author, music, tag = s.author[s.video], s.music[s.video], s.tags[s.video, 0]
    named: dict[str, np.ndarray] = {"u": s.viewer, "v": s.video, "b": s.tab, "t": tag, "d": s.duration_bucket(), "r": c.repeat_bucket()}
    if latest:
        named |= {"l": c.latest}
    if not crossed:
        age = np.clip(s.age_days() / 3, 0, 40).astype(np.int64)
        named |= {"a": author, "m": music, "h": s.hour(), "w": s.weekday(), "g": age, "k": c.gap_bucket}
    names = {name: [f"{name}{code}" for code in range(-1, int(column.max()) + 1)] for name, column in named.items()}
    texts = [names[name] for name in named]
    for codes in zip(*(column[rows].tolist() for column in named.values())):
        yield {text[code + 1]: 1.0 for text, code in zip(texts, codes)}


def newest_warm(s: Stream, each: int) -> np.ndarray:
    """Indices of the newest `each` exposures of every viewer's history, in the stream's order."""
    warm = np.flatnonzero(s.warm)[::-1]
    order = warm[np.argsort(s.viewer[warm], kind="stable")]
    viewer = s.viewer[order]
    begin = np.searchsorted(viewer, viewer)
    return np.sort(order[np.arange(len(order)) - begin < each])


def run(s: Stream, c: Context, task: str, scored: np.ndarray, settings: dict[str, Any], seed: int) -> tuple[np.ndarray, float]:
    """Probabilities of the `scored` rows, each given before the row was learned, and rows per second of predicting and learning alone."""
    factorised = "factors" in settings
    log = np.flatnonzero(~s.warm)
    rows = np.r_[newest_warm(s, settings["warm_each"]), log]
    label = np.where(s.warm, s.long_view, s.label(task))[rows]
    optimiser = OPTIMISERS[settings["optimiser"]]
    if factorised:
        latent = OPTIMISERS[settings["optimiser"]](settings["latent_rate"])
        model = facto.FMClassifier(
            settings["factors"], weight_optimizer=optimiser(settings["rate"]), latent_optimizer=latent, seed=seed
        )  # fmt: skip
    else:
        model = SparseLogistic(optimiser(settings["rate"]))
    predicted, spent_s = np.zeros(len(rows)), 0.0
    for index, (x, y) in enumerate(zip(features(s, c, rows, settings["latest"], factorised), (label > 0).tolist())):
        begin = time.perf_counter()
        predicted[index] = model.predict_proba_one(x)[True]
        model.learn_one(x, y)
        spent_s += time.perf_counter() - begin
    return predicted[np.searchsorted(rows, scored)], len(rows) / spent_s
