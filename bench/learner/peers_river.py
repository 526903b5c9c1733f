"""River's logistic regression and factorisation machine, online: each exposure is predicted, then learned, in plain Python.

The factorisation machine takes about a millisecond per row, so its warm start is only the newest `FM_WARM` exposures of each viewer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from river import facto, linear_model, optim

from features import Context
from stream import Stream

FM_WARM = 5
"""Newest earlier exposures per viewer that the factorisation machine is warmed with."""
OPTIMISERS = {"adagrad": optim.AdaGrad, "sgd": optim.SGD, "adam": optim.Adam}
LOGISTIC_GRID = [
    {"optimiser": optimiser, "rate": rate, "l2": 0.0, "latest": latest, "warm": "long_view"}
    for latest in (True, False)
    for optimiser, rates in (("adagrad", (0.05, 0.1, 0.2)), ("sgd", (0.02, 0.05)), ("adam", (0.001, 0.003)))
    for rate in rates
]
FACTORISED_GRID = [
    {"optimiser": "adagrad", "rate": rate, "latent_rate": latent_rate, "factors": 4, "latest": False, "warm": "long_view"}
    for rate, latent_rate in ((0.1, 0.02), (0.1, 0.05), (0.05, 0.02))
]


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


def run(s: Stream, c: Context, task: str, scored: np.ndarray, settings: dict[str, Any], seed: int) -> np.ndarray:
    """Probabilities of the `scored` rows, each given before the row was learned."""
    factorised = "factors" in settings
    log = np.flatnonzero(~s.warm)
    warm = newest_warm(s, FM_WARM) if factorised else np.flatnonzero(s.warm)
    rows = np.r_[warm, log] if settings["warm"] == "long_view" else log
    label = np.where(s.warm, s.long_view, s.label(task))[rows]
    optimiser = OPTIMISERS[settings["optimiser"]]
    if factorised:
        latent = OPTIMISERS[settings["optimiser"]](settings["latent_rate"])
        model = facto.FMClassifier(
            settings["factors"], weight_optimizer=optimiser(settings["rate"]), latent_optimizer=latent, seed=seed
        )  # fmt: skip
    else:
        model = linear_model.LogisticRegression(optimiser(settings["rate"]), l2=settings["l2"])
    predicted = np.zeros(len(rows))
    for index, (x, y) in enumerate(zip(features(s, c, rows, settings["latest"], factorised), (label > 0).tolist())):
        predicted[index] = model.predict_proba_one(x)[True]
        model.learn_one(x, y)
    return predicted[np.searchsorted(rows, scored)]
