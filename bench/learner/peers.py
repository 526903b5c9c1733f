"""All peers in one table: how each is run, what it was tuned over and what was chosen.

The choice is by AUC + GAUC (one model must do well at both) on the three days before the scored ones, per task; `run --tune NAME` runs
a peer's grid again. Where another setting was better by AUC alone, that one is a row of its own ("for AUC").
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

import features
import kalman
from stream import TASKS, Stream

Settings = dict[str, Any]
Predictions = dict[str, np.ndarray]
"""Probabilities of the scored rows, by task."""
Run = tuple[Predictions, float]
"""What a peer predicted, and its examples per second of predicting and learning alone; 0 where that is not measured here."""


class Prepared:
    """A stream with what several peers derive from it, made once."""

    def __init__(self, s: Stream, from_ms: int) -> None:
        self.stream, self.from_ms, self.scored = s, from_ms, s.scored(from_ms)

    @cached_property
    def context(self) -> features.Context:
        return features.context(self.stream)

    @cached_property
    def vw_text(self) -> Any:
        return importlib.import_module("peers_vw").lines(self.stream, self.context)

    @cached_property
    def gbm_columns(self) -> dict[str, np.ndarray]:
        return importlib.import_module("peers_gbm").columns(self.stream, self.context)

    @cached_property
    def din_rows(self) -> Any:
        return importlib.import_module("peers_din").Rows(self.stream, self.context)


def run_vw(p: Prepared, task: str, settings: Settings, seed: int) -> Run:
    module = importlib.import_module("peers_vw")
    return {task: module.run(p.stream, p.vw_text, task, p.scored, settings, seed)}, 0


def run_river(p: Prepared, task: str, settings: Settings, seed: int) -> Run:
    module = importlib.import_module("peers_river")
    predicted, per_s = module.run(p.stream, p.context, task, p.scored, settings, seed)
    return {task: predicted}, per_s


def run_gbm(p: Prepared, task: str, settings: Settings, seed: int) -> Run:
    module = importlib.import_module("peers_gbm")
    return {task: module.run(p.stream, p.gbm_columns, task, p.from_ms, settings, seed)}, 0


def run_din(p: Prepared, _task: str, settings: Settings, seed: int) -> Run:
    module = importlib.import_module("peers_din")
    return module.run(p.stream, p.din_rows, p.from_ms, settings, seed), 0


def run_kalman(p: Prepared, task: str, _settings: Settings, _seed: int) -> Run:
    label = p.stream.label(task)
    logit = kalman.run(p.stream, p.context, label)[0]
    begin = time.perf_counter()
    kalman.run(p.stream, p.context, label)
    per_s = len(label) / (time.perf_counter() - begin)
    return {task: 1 / (1 + np.exp(-logit[p.scored]))}, per_s


@dataclass(frozen=True)
class Peer:
    """One row of the table per task."""

    name: str
    module: str
    """Module that fails to import where the peer's package is missing."""
    run: Callable[[Prepared, str, Settings, int], Run]
    chosen: dict[str, Settings]
    """Settings by task."""
    grid: str
    """Name of the list in `module` that was tuned over; empty where nothing was."""
    prepared: tuple[str, ...]
    """Attributes of `Prepared` that it reads."""
    cost: int
    """Rough seconds of one run of one task: the longest are begun first."""
    seeded: bool = True
    """False for a peer that gives the same answer for every seed."""
    both_tasks: bool = False
    """True for a peer that predicts both tasks in one run."""

    def settings(self) -> list[Settings]:
        """The grid."""
        return list(getattr(importlib.import_module(self.module), self.grid)) if self.grid else []


def same(settings: Settings) -> dict[str, Settings]:
    """The same settings for both tasks."""
    return {task: settings for task in TASKS}


def vw(name: str, grid: str, chosen: dict[str, Settings]) -> Peer:
    """Not seeded: the low-rank crosses begin from numbers that come from the features, and no seed changes an answer."""
    return Peer(f"Vowpal Wabbit {name}", "peers_vw", run_vw, chosen, grid, ("vw_text",), 15, seeded=False)


def gbm(name: str, grid: str, chosen: dict[str, Settings], cost: int) -> Peer:
    return Peer(f"LightGBM {name}", "peers_gbm", run_gbm, chosen, grid, ("gbm_columns",), cost)


def din(name: str, grid: str, chosen: Settings, cost: int) -> Peer:
    settings = {"width": 16, "rate": 1e-3, "decay": 0.5, **chosen}
    return Peer(f"DIN (PyTorch) {name}", "peers_din", run_din, same(settings), grid, ("din_rows",), cost, both_tasks=True)


GBM_LIVE = {
    "num_leaves": 15, "learning_rate": 0.03, "min_data_in_leaf": 200, "lambda_l2": 20.0, "feature_fraction": 0.5, "trees": 250,
    "inputs": "statistics+kalman+profile", "hourly_trees": 0,
}  # fmt: skip
GBM_FROZEN = GBM_LIVE | {"inputs": "frozen statistics+frozen kalman+profile", "trees": 500}
VW_LOGISTIC = {"arguments": "-l 0.6 --ignore l", "warm": "long_view"}
VW_CROSSED = {"arguments": "-l 0.5 --ignore l -q vb -q ub", "warm": "long_view"}
VW_FACTORISED = {"arguments": "-l 0.3 --ignore l --lrq uv4 --lrq ut4", "warm": "long_view"}

PEERS: list[Peer] = [
    vw("logistic", "LOGISTIC_GRID", same(VW_LOGISTIC)),
    vw("logistic, for AUC", "", same({"arguments": "-l 0.6", "warm": "long_view"})),
    vw("logistic, no warm start", "", same(VW_LOGISTIC | {"warm": "none"})),
    vw("crosses", "CROSSED_GRID", same(VW_CROSSED)),
    vw("factorised", "FACTORISED_GRID", same(VW_FACTORISED)),
    vw("factorised, no warm start", "", same(VW_FACTORISED | {"warm": "none"})),
    Peer(
        "River logistic", "peers_river", run_river,
        same({"optimiser": "adagrad", "rate": 0.1, "latest": False, "warm_each": 50}),
        "LOGISTIC_GRID", ("context",), 100, seeded=False,
    ),
    Peer(
        "River factorisation machine", "peers_river", run_river,
        same({"optimiser": "adagrad", "rate": 0.1, "latent_rate": 0.05, "factors": 4, "latest": False, "warm_each": 5}),
        "FACTORISED_GRID", ("context",), 200,
    ),
    Peer("Kalman filter, additive", "kalman", run_kalman, same({}), "", ("context",), 3, seeded=False),
    gbm("refitted daily", "GRID", same(GBM_FROZEN), 90),
    gbm("refitted daily, for AUC", "", same(GBM_LIVE), 50),
    gbm("refitted hourly", "HOURLY_GRID", same(GBM_FROZEN | {"trees": 250, "hourly_trees": 2}), 120),
    din("trained daily", "GRID", {"passes": 4, "more_passes": 1, "dropout": 0.2}, 350),
    din("trained daily, for AUC", "", {"passes": 2, "more_passes": 1, "dropout": 0.0}, 250),
]  # fmt: skip
