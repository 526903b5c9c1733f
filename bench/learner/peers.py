"""All peers in one table: how each is run, what it was tuned over and what was chosen.

The choice is by AUC + GAUC (one model must do well at both) on the three days before the scored ones, per task; `run --tune NAME` runs
a peer's grid again. Where another setting was better by AUC alone, that one is a row of its own ("for AUC").
"""

from __future__ import annotations

import importlib
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


def run_vw(p: Prepared, task: str, settings: Settings, seed: int) -> Predictions:
    module = importlib.import_module("peers_vw")
    return {task: module.run(p.stream, p.vw_text, task, p.scored, settings, seed)}


def run_river(p: Prepared, task: str, settings: Settings, seed: int) -> Predictions:
    module = importlib.import_module("peers_river")
    return {task: module.run(p.stream, p.context, task, p.scored, settings, seed)}


def run_gbm(p: Prepared, task: str, settings: Settings, seed: int) -> Predictions:
    module = importlib.import_module("peers_gbm")
    return {task: module.run(p.stream, p.gbm_columns, task, p.from_ms, settings, seed)}


def run_din(p: Prepared, _task: str, settings: Settings, seed: int) -> Predictions:
    module = importlib.import_module("peers_din")
    return module.run(p.stream, p.din_rows, p.from_ms, settings, seed)


def run_kalman(p: Prepared, task: str, _settings: Settings, _seed: int) -> Predictions:
    logit = kalman.run(p.stream, p.context, p.stream.label(task))[0]
    return {task: 1 / (1 + np.exp(-logit[p.scored]))}


@dataclass(frozen=True)
class Peer:
    """One row of the table per task."""

    name: str
    module: str
    """Module that fails to import where the peer's package is missing."""
    run: Callable[[Prepared, str, Settings, int], Predictions]
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


def vw(name: str, grid: str, chosen: dict[str, Settings], seeded: bool) -> Peer:
    return Peer(f"Vowpal Wabbit {name}", "peers_vw", run_vw, chosen, grid, ("vw_text",), 15, seeded)


def gbm(name: str, grid: str, chosen: dict[str, Settings], cost: int) -> Peer:
    return Peer(f"LightGBM {name}", "peers_gbm", run_gbm, chosen, grid, ("gbm_columns",), cost)


GBM_DAILY = {
    "num_leaves": 15, "learning_rate": 0.03, "min_data_in_leaf": 200, "lambda_l2": 20.0, "feature_fraction": 0.5, "trees": 250,
    "inputs": "statistics+kalman+profile", "hourly_trees": 0,
}  # fmt: skip
VW_LOGISTIC = {"arguments": "-l 0.05", "warm": "long_view"}
VW_CROSSED = {"arguments": "-l 0.05 -q vb -q ub", "warm": "long_view"}
VW_FACTORISED = {"arguments": "-l 0.05 --lrq uv4 --lrq ut4", "warm": "long_view"}

PEERS: list[Peer] = [
    vw("logistic", "LOGISTIC_GRID", same(VW_LOGISTIC), False),
    vw("logistic, no warm start", "", same(VW_LOGISTIC | {"warm": "none"}), False),
    vw("crosses", "CROSSED_GRID", same(VW_CROSSED), False),
    vw("factorised", "FACTORISED_GRID", same(VW_FACTORISED), True),
    vw("factorised, no warm start", "", same(VW_FACTORISED | {"warm": "none"}), True),
    Peer(
        "River logistic", "peers_river", run_river,
        same({"optimiser": "adagrad", "rate": 0.1, "latest": False, "warm": "long_view"}),
        "LOGISTIC_GRID", ("context",), 100, seeded=False,
    ),
    Peer(
        "River factorisation machine", "peers_river", run_river,
        same({"optimiser": "adagrad", "rate": 0.1, "latent_rate": 0.02, "factors": 4, "latest": False, "warm": "long_view"}),
        "FACTORISED_GRID", ("context",), 200,
    ),
    Peer("Kalman filter, additive", "kalman", run_kalman, same({}), "", ("context",), 3, seeded=False),
    gbm("refitted daily", "GRID", same(GBM_DAILY), 30),
    gbm("refitted hourly", "HOURLY_GRID", same(GBM_DAILY | {"hourly_trees": 5}), 90),
    Peer(
        "DIN (PyTorch), trained daily", "peers_din", run_din,
        same({"width": 16, "rate": 2e-3, "passes": 2, "more_passes": 1, "decay": 0.0, "dropout": 0.0}),
        "GRID", ("din_rows",), 250, both_tasks=True,
    ),
]  # fmt: skip
