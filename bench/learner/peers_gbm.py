"""LightGBM on running statistics and co-watching (features.py) and on the Kalman filter's logits and effects (kalman.py).

The statistics run live, row by row, or (`frozen`) with the viewer's own levels as they stood when the day began; what is refitted is the
model over them.
- every day: before each scored day a new model is fitted to all log rows so far;
- every hour: at each midnight a new model is fitted as above; after each hour `hourly_trees` more trees are fitted, on top of it, to all
  log rows so far. (A new model every hour would cost 72 fits of the whole log for each task and seed.)
"""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np

import kalman
from features import Context, day_begin, statistics
from stream import DAY_MS, HOUR_MS, TABS, TASKS, Stream

BASE: dict[str, Any] = {"objective": "binary", "bagging_fraction": 0.8, "bagging_freq": 1, "verbose": -1, "num_threads": 1, "boost_from_average": False}
LEAVES, RATE, SMALLEST, L2, SHARE = "num_leaves", "learning_rate", "min_data_in_leaf", "lambda_l2", "feature_fraction"
SHAPE = {LEAVES: 15, RATE: 0.03, SMALLEST: 200, L2: 20.0, SHARE: 0.5}
LIVE, FROZEN = "statistics+kalman+profile", "frozen statistics+frozen kalman+profile"
GRID = [
    *({**SHAPE, "trees": 250, "inputs": inputs, "hourly_trees": 0} for inputs in ("statistics", "statistics+kalman", LIVE)),
    *({**SHAPE, "trees": trees, "inputs": FROZEN, "hourly_trees": 0} for trees in (250, 500)),
    *({**SHAPE, LEAVES: leaves, "trees": 250, "inputs": FROZEN, "hourly_trees": 0} for leaves in (7, 31)),
]
HOURLY_GRID = [{**SHAPE, "trees": 250, "inputs": FROZEN, "hourly_trees": trees} for trees in (2, 5)]


def columns(s: Stream, c: Context) -> dict[str, np.ndarray]:
    """Groups of input columns for the log rows, by the names that the settings use."""
    log = ~s.warm
    by_task = {task: kalman.run(s, c, s.label(task)) for task in TASKS}
    live, frozen, _ = statistics(s)
    few = s.profile.max(axis=0) < 120
    frozen_at = {"viewer": day_begin(s, s.viewer), "viewer_tab": day_begin(s, s.viewer * TABS + s.tab)}
    filtered, frozen_filtered = [], []
    for logit, effects in by_task.values():
        effects = effects[log]
        still, moved = effects.copy(), np.zeros(len(effects))
        for name, row in frozen_at.items():
            at = 2 * kalman.INPUTS.index(name)
            still[:, at : at + 2] = effects[row, at : at + 2]
            moved += effects[:, at] - still[:, at]
        filtered.append(np.c_[logit[log], effects])
        frozen_filtered.append(np.c_[logit[log] - moved, still])
    return {
        "statistics": live,
        "frozen statistics": frozen,
        "kalman": np.concatenate(filtered, axis=1).astype(np.float32),
        "frozen kalman": np.concatenate(frozen_filtered, axis=1).astype(np.float32),
        "profile": s.profile[s.viewer[log]][:, few].astype(np.float32),
    }


def run(s: Stream, groups: dict[str, np.ndarray], task: str, from_ms: int, settings: dict[str, Any], seed: int) -> np.ndarray:
    """Probabilities of the log rows from `from_ms` (a midnight) on."""
    log = ~s.warm
    label, time_ms = s.label(task)[log].astype(np.float64), s.time_ms[log]
    x = np.concatenate([groups[part] for part in settings["inputs"].split("+")], axis=1)
    parameters = {**BASE, **{name: settings[name] for name in (LEAVES, RATE, SMALLEST, L2, SHARE)}, "seed": seed}

    mean = label[time_ms < from_ms].mean()
    base = np.full(len(label), np.log(mean / (1 - mean)))
    days = []
    for day_ms in range(from_ms, int(time_ms[-1]) + 1, DAY_MS):
        first, end = np.searchsorted(time_ms, [day_ms, day_ms + DAY_MS])
        past = lightgbm.Dataset(x[:first], label[:first], init_score=base[:first], categorical_feature=[0], params=parameters)
        raw = base[:end] + lightgbm.train(parameters, past, settings["trees"]).predict(x[:end], raw_score=True)
        given = raw.copy()
        if settings["hourly_trees"]:
            # The columns' bins are those of midnight, so that a refit costs its trees and not the binning of the whole log.
            day = lightgbm.Dataset(x[:end], label[:end], reference=past, categorical_feature=[0], params=parameters)
            for hour_ms in range(day_ms + HOUR_MS, day_ms + DAY_MS, HOUR_MS):
                rows = int(np.searchsorted(time_ms, hour_ms))
                seen = day.subset(list(range(rows))).construct()
                seen.set_init_score(raw[:rows])
                raw += lightgbm.train(parameters, seen, settings["hourly_trees"]).predict(x[:end], raw_score=True)
                given[rows:] = raw[rows:]
        days.append(given[first:])
    return 1 / (1 + np.exp(-np.concatenate(days)))
