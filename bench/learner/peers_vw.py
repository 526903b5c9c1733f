"""Vowpal Wabbit, online: each exposure is predicted, then learned, in one pass over a file, by VW's own loop in C++.

Namespaces (one letter each): u viewer, v video, a author, m sound, t hashtags, d duration bucket, b tab, h hour, w weekday, g age of
the video in 3-day steps, r repeat, l latest three outcomes, k gap, p the viewer's profile categories.
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from vowpalwabbit import Workspace

from features import Context
from stream import TAGS_PER_VIDEO, Stream

CROSSES = "-q bd -q bt -q vb -q ub -q ud -q ut"
LOGISTIC_GRID = [
    {"arguments": f"-l {rate} {more}".strip(), "warm": "long_view"}
    for rate in (0.02, 0.05, 0.1, 0.3, 0.6, 1.2)
    for more in ("", "--ignore l")
]
CROSSED_GRID = [
    {"arguments": f"-l {rate} --ignore l {crosses}", "warm": "long_view"}
    for rate in (0.02, 0.05, 0.2, 0.5)
    for crosses in (CROSSES, "-q vb -q ub")
]
FACTORISED_GRID = [
    {"arguments": f"-l {rate} --ignore l {pairs}", "warm": "long_view"}
    for rate in (0.1, 0.3, 0.6)
    for pairs in ("--lrq uv4 --lrq ut4", "--lrq uv8 --lrq ut8 --lrq ua8 --lrqdropout", "--lrqfa uvtabd4")
]


@dataclass(frozen=True)
class Lines:
    """The stream's features as VW text without labels; one entry per row."""

    text: list[str]


def lines(s: Stream, c: Context) -> Lines:
    """Every row's namespaces as VW text."""
    tag_text = [" ".join(str(tag) for tag in tags if tag >= 0) for tags in s.tags.tolist()]
    few = [column for column in range(s.profile.shape[1]) if s.profile[:, column].max() < 50]
    profile_text = [" ".join(f"{column}_{row[column]}" for column in few) for row in s.profile.tolist()]
    columns = zip(
        s.viewer.tolist(), s.video.tolist(), s.author[s.video].tolist(), s.music[s.video].tolist(), s.duration_bucket().tolist(),
        s.tab.tolist(), s.hour().tolist(), s.weekday().tolist(), np.clip(s.age_days() / 3, 0, 40).astype(int).tolist(),
        c.repeat_bucket().tolist(), c.latest.tolist(), c.gap_bucket.tolist(),
    )  # fmt: skip
    return Lines([
        f"|u {u} |v {v} |a {a} |m {m} |t {tag_text[v]} |d {d} |b {b} |h {h} |w {w} |g {g} |r {r} |l {latest} |k {k} |p {profile_text[u]}\n"
        for u, v, a, m, d, b, h, w, g, r, latest, k in columns
    ])


def write(s: Stream, text: Lines, task: str, warm: str, path: Path) -> int:
    """Writes the rows that one run learns from, and returns how many; `warm` is `none` or `long_view` (the histories' outcome)."""
    label = np.where(s.warm, s.long_view, s.label(task))
    rows = np.arange(len(s)) if warm == "long_view" else np.flatnonzero(~s.warm)
    sign = ("-1 ", "1 ")
    with path.open("w") as file:
        file.writelines(sign[label[row]] + text.text[row] for row in rows)
    return len(rows)


def run(s: Stream, text: Lines, task: str, scored: np.ndarray, settings: dict[str, str], seed: int) -> np.ndarray:
    """Probabilities of the `scored` rows, each given before the row was learned."""
    with tempfile.TemporaryDirectory() as folder:
        data, predictions = Path(folder, "data.txt"), Path(folder, "predictions.txt")
        rows = write(s, text, task, settings["warm"], data)
        pass_over(data, predictions, f"{settings['arguments']} --random_seed {seed}")
        predicted = np.loadtxt(predictions)
    if len(predicted) != rows:
        raise RuntimeError(f"VW answered {len(predicted)} of {rows} rows")
    return predicted[scored - (len(s) - rows)]


def pass_over(data: Path, predictions: Path | None, arguments: str) -> None:
    """One pass of VW over a file; throws away the model."""
    output = f"-p {predictions} --link logistic" if predictions else ""
    Workspace(f"-d {data} {output} --loss_function logistic -b 22 --quiet {arguments}").finish()


def speed(s: Stream, text: Lines, settings: dict[str, str], repeats: int) -> list[float]:
    """Examples per second of whole passes over the stream on one core, out of VW's binary cache (no text is parsed)."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        with tempfile.TemporaryDirectory() as folder:
            data, cache = Path(folder, "data.txt"), Path(folder, "data.cache")
            rows = write(s, text, "long_view", settings["warm"], data)
            pass_over(data, None, f"--cache_file {cache} {settings['arguments']}")
            measured = []
            for _ in range(repeats):
                begin = time.perf_counter()
                pass_over(data, None, f"--cache_file {cache} {settings['arguments']}")
                measured.append(rows / (time.perf_counter() - begin))
            return measured
    finally:
        os.sched_setaffinity(0, cores)
