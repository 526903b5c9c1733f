"""Online Bayesian logistic regression: an extended Kalman filter over additive effects (viewer, video, tab, repeat, ...).

Each effect has a mean and a variance. With logit variance S (the sum of a row's variances), probability p and h = p (1 - p), an effect
with variance v moves by v (y - p) / (1 + h S), and its variance falls by v^2 h / (1 + h S); variance comes back with time (drift), up
to where it began. The prediction divides the logit by sqrt(1 + pi S / 8) (MacKay's approximation of the integral over the logit).
It serves as a peer of its own and as input columns of the gradient-boosted model.
"""

from __future__ import annotations

import numba
import numpy as np

from features import Context
from stream import DAY_MS, TABS, Stream

FIELDS: list[tuple[str, float, float]] = [
    # field, variance at the start (logit squared), variance that comes back per day
    ("bias", 1.0, 0.0005),
    ("viewer", 0.6, 0.003),
    ("video", 0.3, 0.004),
    ("tab", 1.0, 0.0005),
    ("repeat", 1.0, 0.0),
    ("viewer_tab", 0.1, 0.0),
    ("user_active_degree", 0.02, 0.0),
    ("onehot_feat3", 0.02, 0.0),
    ("onehot_feat11", 0.02, 0.0),
    ("onehot_feat2", 0.02, 0.0),
]
INPUTS = ("viewer", "video", "viewer_tab")
"""Fields whose effect and variance are columns of the gradient-boosted model, after the logit."""


@numba.njit(cache=True)
def _filter(field, time_ms, label, begin, drift, variance):
    rows, fields = field.shape
    effect = np.zeros(len(variance))
    last_ms = np.zeros(len(variance))
    logit = np.zeros(rows)
    before = np.zeros((rows, fields, 2), np.float32)
    for i in range(rows):
        total = 0.0
        spread = 0.0
        for k in range(fields):
            at = field[i, k]
            if drift[k] > 0:
                if last_ms[at] > 0:
                    variance[at] = min(variance[at] + drift[k] * max(0.0, time_ms[i] - last_ms[at]) / DAY_MS, begin[k])
                last_ms[at] = time_ms[i]
            total += effect[at]
            spread += variance[at]
            before[i, k, 0] = effect[at]
            before[i, k, 1] = variance[at]
        logit[i] = total / np.sqrt(1 + np.pi * spread / 8)
        if label[i] < 0:
            continue
        p = 1 / (1 + np.exp(-logit[i]))
        h = p * (1 - p)
        for k in range(fields):
            at = field[i, k]
            effect[at] += variance[at] * (label[i] - p) / (1 + h * spread)
            variance[at] -= variance[at] ** 2 * h / (1 + h * spread)
    return logit, before


def run(s: Stream, c: Context, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logit of every row before it is learned, and rows x (2 x `INPUTS`) effects and variances; rows labelled -1 teach nothing."""
    columns = {
        "bias": np.zeros(len(s), np.int64),
        "viewer": s.viewer,
        "video": s.video,
        "tab": s.tab,
        "repeat": c.repeat_bucket(),
        "viewer_tab": np.unique(s.viewer * TABS + s.tab, return_inverse=True)[1],
        **{name: s.profile[s.viewer, index] for index, name in enumerate(s.profile_names)},
    }
    table = np.stack([columns[name] for name, _, _ in FIELDS], axis=1)
    sizes = table.max(axis=0) + 1
    begin = np.array([field[1] for field in FIELDS])
    table += np.r_[0, np.cumsum(sizes)[:-1]]
    logit, before = _filter(table, s.time_ms, label, begin, np.array([field[2] for field in FIELDS]), np.repeat(begin, sizes))
    chosen = [index for index, field in enumerate(FIELDS) if field[0] in INPUTS]
    return logit, before[:, chosen].reshape(len(s), -1)
