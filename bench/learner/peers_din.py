"""A deep interest network (Zhou et al., KDD 2018) in PyTorch on the CPU, both tasks in one model, trained before each scored day.

Embeddings of viewer, video, author, sound, hashtags, tab, hour, duration bucket, age, repeat and gap; attention of the candidate over the
viewer's newest 50 exposures with what came of them (unnormalised weights as in the paper, from a product per head and recency);
two hidden layers. Before the first scored day the model makes `passes` passes over
everything so far, before each later day `more_passes` over everything so far, from the weights that it has. Within a day the weights
stand still; the history that the attention reads is live.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from features import GAP_BUCKETS, HISTORY, Context
from stream import DAY_MS, DURATION_BUCKETS, TABS, TASKS, Stream

BATCH = 2048
OUTCOMES = 6
"""Of an exposure in a history: long view or not with the click unknown, or the four pairs of long view and click."""
HEADS = 2
GRID = [
    {"width": 16, "rate": rate, "passes": passes, "more_passes": 1, "decay": decay, "dropout": dropout}
    for rate, decay, dropout in ((2e-3, 0.0, 0.0), (1e-3, 0.5, 0.0), (1e-3, 0.5, 0.2))
    for passes in (1, 2, 4)
]


class Rows:
    """The stream as category columns, and each viewer's exposures in order, to find a row's history."""

    def __init__(self, s: Stream, c: Context) -> None:
        viewer_order = np.argsort(s.viewer, kind="stable")
        place = np.empty(len(s), dtype=np.int64)
        place[viewer_order] = np.arange(len(s))
        begin = np.searchsorted(s.viewer[viewer_order], np.arange(len(s.profile)))
        self.order, self.place, self.begin = viewer_order, place, begin[s.viewer]
        self.shown = s.video * OUTCOMES + np.where(s.click < 0, s.long_view, 2 + s.long_view + 2 * s.click)
        age = np.clip(s.age_days() / 3, 0, 30).astype(np.int64)
        self.columns = np.stack(
            [s.viewer, s.tab, s.hour(), s.duration_bucket(), age, c.repeat_bucket(), c.gap_bucket, s.video], axis=1
        )  # fmt: skip
        self.labels = np.stack([s.label(task) for task in TASKS], axis=1)
        self.sizes = (len(s.profile), TABS, 24, DURATION_BUCKETS, 31, int(c.repeat_bucket().max()) + 1, GAP_BUCKETS)
        self.item = np.stack([np.arange(len(s.author)), s.author, s.music, s.tags[:, 0] + 1, s.tags[:, 1] + 1], axis=1)

    def history(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """For each of the `HISTORY` exposures before each row, newest first: video x `OUTCOMES` + outcome; and whether there was one."""
        at = self.place[rows][:, None] - np.arange(1, HISTORY + 1)
        real = at >= self.begin[rows][:, None]
        return torch.from_numpy(self.shown[self.order[np.maximum(at, 0)]]), torch.from_numpy(real)


class Dense(nn.Conv1d):
    """A fully connected layer, written as a convolution of width 1: several times faster where PyTorch was built without a tuned BLAS."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.unsqueeze(2)).squeeze(2)


class Network(nn.Module):
    """Logits of both tasks."""

    def __init__(self, rows: Rows, settings: dict[str, Any]) -> None:
        super().__init__()
        width = settings["width"]
        item_sizes = (rows.item.max(axis=0) + 1).tolist()
        self.fields = nn.ModuleList(nn.Embedding(size, width) for size in rows.sizes)
        self.items = nn.ModuleList(nn.Embedding(size, width) for size in item_sizes)
        self.outcome = nn.Embedding(OUTCOMES, width)
        self.linear = nn.ModuleList(nn.Embedding(size, len(TASKS)) for size in (*rows.sizes, item_sizes[0]))
        for table in (*self.fields, *self.items, self.outcome):
            nn.init.normal_(table.weight, std=0.05)
        for table in self.linear:
            nn.init.zeros_(table.weight)
        self.query = Dense(width, HEADS * width)
        self.recency = nn.Parameter(torch.zeros(HISTORY, HEADS))
        inputs = width * (len(rows.sizes) + len(item_sizes) + HEADS)
        drop = nn.Dropout(settings["dropout"])
        self.tower = nn.Sequential(Dense(inputs, 64), nn.ReLU(), drop, Dense(64, 32), nn.ReLU(), Dense(32, len(TASKS)))
        self.register_buffer("item", torch.from_numpy(rows.item))

    def forward(self, columns: torch.Tensor, past: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        video = columns[:, -1]
        fields = [table(columns[:, index]) for index, table in enumerate(self.fields)]
        items = [table(self.item[video, index]) for index, table in enumerate(self.items)]
        every = sum(table.weight[self.item[:, index]] for index, table in enumerate(self.items))
        shown = nn.functional.embedding(past, (every.unsqueeze(1) + self.outcome.weight).flatten(0, 1))
        query = self.query(every[video]).unflatten(1, (-1, HEADS))
        # A product and a sum instead of a batched matrix product, for the reason given at `Dense`.
        pooled = []
        for head in range(HEADS):
            near = (shown * query[:, :, head].unsqueeze(1)).sum(dim=2) + self.recency[:, head]
            pooled.append(((torch.sigmoid(near) * real).unsqueeze(2) * shown).sum(dim=1) / 10)
        logit = self.tower(torch.cat([*fields, *items, *pooled], dim=1))
        return logit + sum(table(columns[:, index]) for index, table in enumerate(self.linear))


def train(model: Network, optimiser: torch.optim.Optimizer, rows: Rows, seen: np.ndarray, order: np.random.Generator) -> None:
    """One pass over the rows in `seen`, in random order; a label of -1 teaches nothing."""
    model.train()
    for batch in np.array_split(order.permutation(seen), max(1, len(seen) // BATCH)):
        label = torch.from_numpy(rows.labels[batch]).float()
        known = (label >= 0).float()
        logit = model(torch.from_numpy(rows.columns[batch]), *rows.history(batch))
        loss = nn.functional.binary_cross_entropy_with_logits(logit, label.clamp(min=0), weight=known, reduction="sum") / len(batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def run(s: Stream, rows: Rows, from_ms: int, settings: dict[str, Any], seed: int) -> dict[str, np.ndarray]:
    """Probabilities of the log rows from `from_ms` (a midnight) on, by task."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    order = np.random.default_rng(seed)
    model = Network(rows, settings)
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings["rate"], weight_decay=settings["decay"])
    predicted: list[np.ndarray] = []
    for day_ms in range(from_ms, int(s.time_ms[-1]) + 1, DAY_MS):
        seen = np.flatnonzero(s.warm | (s.time_ms < day_ms))
        for _ in range(settings["more_passes"] if predicted else settings["passes"]):
            train(model, optimiser, rows, seen, order)
        model.eval()
        day = np.flatnonzero(~s.warm & (s.time_ms >= day_ms) & (s.time_ms < day_ms + DAY_MS))
        with torch.no_grad():
            parts = [model(torch.from_numpy(rows.columns[b]), *rows.history(b)).sigmoid().numpy() for b in np.array_split(day, 20)]
        predicted.append(np.concatenate(parts))
    both = np.concatenate(predicted).astype(np.float64)
    return {task: both[:, index] for index, task in enumerate(TASKS)}
