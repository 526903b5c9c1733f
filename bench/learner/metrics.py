"""Figures of merit of predicted probabilities.

AUC is the chance that a random positive is ranked above a random negative (ties count half). GAUC is the AUC within one viewer's
scored rows, averaged over the viewers that have both labels, weighted by the viewer's number of scored rows. Log loss is in nats.
ECE (expected calibration error) uses 20 bins of equal count.
"""

from __future__ import annotations

import numpy as np

ECE_BINS = 20
"""Bins of equal count that the expected calibration error is taken over."""


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, equal values share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2.0)[inverse]


def auc(label: np.ndarray, predicted: np.ndarray) -> float:
    """Area under the ROC curve; `label` holds 0 and 1, both at least once."""
    positives = float(label.sum())
    negatives = len(label) - positives
    return float((ranks(predicted)[label > 0].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def gauc(label: np.ndarray, predicted: np.ndarray, viewer: np.ndarray) -> float:
    """Mean AUC per viewer, weighted by rows, over the viewers with both labels."""
    value_rank = np.unique(predicted, return_inverse=True)[1]
    order = np.lexsort((value_rank, viewer))
    label, viewer, value_rank = label[order].astype(np.float64), viewer[order], value_rank[order]
    starts = np.flatnonzero(np.r_[True, viewer[1:] != viewer[:-1]])
    group = np.cumsum(np.r_[True, viewer[1:] != viewer[:-1]]) - 1
    position = np.arange(len(label)) - starts[group] + 1.0
    tie = np.cumsum(np.r_[True, (viewer[1:] != viewer[:-1]) | (value_rank[1:] != value_rank[:-1])]) - 1
    position = (np.bincount(tie, position) / np.bincount(tie))[tie]
    rows = np.bincount(group).astype(np.float64)
    positives = np.bincount(group, label)
    negatives = rows - positives
    both = (positives > 0) & (negatives > 0)
    rank_sum = np.bincount(group, position * label)
    area = (rank_sum[both] - positives[both] * (positives[both] + 1) / 2) / (positives[both] * negatives[both])
    return float(np.average(area, weights=rows[both]))


def log_loss(label: np.ndarray, predicted: np.ndarray) -> float:
    """Mean negative log likelihood in nats; probabilities are kept 1e-7 away from 0 and 1."""
    p = np.clip(predicted, 1e-7, 1 - 1e-7)
    return float(-np.mean(np.where(label > 0, np.log(p), np.log1p(-p))))


def ece(label: np.ndarray, predicted: np.ndarray) -> float:
    """Mean distance between predicted and observed rate over `ECE_BINS` bins of equal count."""
    order = np.argsort(predicted, kind="stable")
    bins = np.array_split(order, ECE_BINS)
    return float(sum(len(b) * abs(label[b].mean() - predicted[b].mean()) for b in bins) / len(label))


def figures(label: np.ndarray, predicted: np.ndarray, viewer: np.ndarray) -> dict[str, float]:
    """All four figures of one set of scored rows."""
    return {
        "auc": auc(label, predicted),
        "gauc": gauc(label, predicted, viewer),
        "log_loss": log_loss(label, predicted),
        "ece": ece(label, predicted),
    }
