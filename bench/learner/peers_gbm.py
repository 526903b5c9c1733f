"""LightGBM on running statistics and co-watching (features.py) and on the Kalman filter's logits and effects (kalman.py).

The statistics always run live, row by row; what is refitted is the model over them.
- every day: before each scored day a new model is fitted to all log rows so far;
- every hour: at each midnight a new model is fitted as above; after each hour `hourly_trees` more trees are fitted, on top of it, to all
  log rows so far. (A new model every hour would cost 72 fits of the whole log for each task and seed.)
"""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np

import kalman
from features import Context, statistics
from stream import DAY_MS, HOUR_MS, Stream

BASE: dict[str, Any] = {"objective": "binary", "bagging_fraction": 0.8, "bagging_freq": 1, "verbose": -1, "num_threads": 1}
LEAVES, RATE, SMALLEST, L2, SHARE = "num_leaves", "learning_rate", "min_data_in_leaf", "lambda_l2", "feature_fraction"
GRID = [
    {LEAVES: leaves, RATE: rate, SMALLEST: 200, L2: 20.0, SHARE: 0.5, "trees": trees, "inputs": inputs, "hourly_trees": 0}
    for inputs in ("statistics", "statistics+kalman", "statistics+kalman+profile", "kalman offset")
    for leaves, rate, trees in ((15, 0.03, 500), (15, 0.03, 250), (31, 0.03, 250), (7, 0.05, 500))
]
HOURLY_GRID = [2, 5, 10]
"""Values of `hourly_trees` tried with the daily model's best settings."""


def columns(s: Stream, c: Context) -> dict[str, np.ndarray]:
    """Groups of input columns for the log rows: `statistics`, `kalman`, `profile`, and the two logits by task."""
    log = ~s.warm
    by_task = {task: kalman.run(s, c, s.label(task)) for task in ("long_view", "click")}
    few = s.profile.max(axis=0) < 120
    return {
        "statistics": statistics(s)[0],
        "kalman": np.concatenate([np.c_[logit, effects][log] for logit, effects in by_task.values()], axis=1).astype(np.float32),
        "profile": s.profile[s.viewer[log]][:, few].astype(np.float32),
        **{f"logit_{task}": logit[log] for task, (logit, _) in by_task.items()},
    }


def run(s: Stream, groups: dict[str, np.ndarray], task: str, from_ms: int, settings: dict[str, Any], seed: int) -> np.ndarray:
    """Probabilities of the log rows from `from_ms` (a midnight) on."""
    log = ~s.warm
    label, time_ms = s.label(task)[log].astype(np.float64), s.time_ms[log]
    offset = settings["inputs"] == "kalman offset"
    parts = ("statistics", "kalman") if offset else settings["inputs"].split("+")
    x = np.concatenate([groups[part] for part in parts], axis=1)
    start = groups[f"logit_{task}"] if offset else np.zeros(len(label))
    parameters = {**BASE, **{name: settings[name] for name in (LEAVES, RATE, SMALLEST, L2, SHARE)}, "seed": seed}

    def fit(rows: int, trees: int, base: np.ndarray) -> lightgbm.Booster:
        data = lightgbm.Dataset(x[:rows], label[:rows], init_score=base[:rows], categorical_feature=[0])
        return lightgbm.train({**parameters, "boost_from_average": False}, data, trees)

    mean = label[time_ms < from_ms].mean()
    base = start if offset else np.full(len(label), np.log(mean / (1 - mean)))
    days = []
    for day_ms in range(from_ms, int(time_ms[-1]) + 1, DAY_MS):
        first, end = np.searchsorted(time_ms, [day_ms, day_ms + DAY_MS])
        raw = base[:end] + fit(first, settings["trees"], base).predict(x[:end], raw_score=True)
        given = raw.copy()
        if settings["hourly_trees"]:
            for hour_ms in range(day_ms + HOUR_MS, day_ms + DAY_MS, HOUR_MS):
                rows = int(np.searchsorted(time_ms, hour_ms))
                more = fit(rows, settings["hourly_trees"], raw).predict(x[:end], raw_score=True)
                raw += more
                given[rows:] = raw[rows:]
        days.append(given[first:])
    return 1 / (1 + np.exp(-np.concatenate(days)))
