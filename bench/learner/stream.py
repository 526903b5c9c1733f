"""KuaiRand-Pure as one stream of exposures: the viewers' earlier exposures first (the warm start), then every row of the log.

Identifiers become dense indices. A row's outcome (`long_view`, `click`, `like`, `play_ms`) is known only after the row has been
predicted; peers may use it for rows that come later. `videos_month_stats.csv` is never read: its counters reach into the future.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import zstandard

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
BEIJING_MS = 8 * HOUR_MS
"""Offset of local time, milliseconds."""
HISTORY_BEGIN_MS = 1_649_433_600_000
"""2022-04-09 00:00 Beijing time: the histories' first moment."""
SCORED_DAYS = 3
"""Local days at the end of the log that are scored."""
UNKNOWN_TAB = 15
TABS = 16
DURATION_BUCKETS = 24
TAGS_PER_VIDEO = 4
TASKS = ("long_view", "click")


@dataclass(frozen=True)
class Stream:
    """Columns of equal length, one entry per exposure in the order of learning, and tables by video and viewer index."""

    time_ms: np.ndarray
    viewer: np.ndarray
    video: np.ndarray
    tab: np.ndarray
    duration_ms: np.ndarray
    """Length of the video, milliseconds; 0 when it is unknown."""
    long_view: np.ndarray
    click: np.ndarray
    """0, 1, or -1 where the histories do not say."""
    like: np.ndarray
    play_ms: np.ndarray
    """Watch time, milliseconds; -1 where the histories do not say."""
    warm: np.ndarray
    """True for an exposure out of the histories."""
    repeat: np.ndarray
    """True for a log row that is equal to an earlier one in every column."""
    author: np.ndarray
    music: np.ndarray
    video_type: np.ndarray
    upload_type: np.ndarray
    upload_ms: np.ndarray
    tags: np.ndarray
    """Videos x `TAGS_PER_VIDEO`, -1 for none."""
    profile: np.ndarray
    """Viewers x columns of users.csv as category codes."""
    profile_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.time_ms)

    def label(self, task: str) -> np.ndarray:
        """Outcomes of a task as 0, 1 or -1 (unknown)."""
        return self.long_view if task == "long_view" else self.click

    def scored_from_ms(self) -> int:
        """Midnight (Beijing) at which the last `SCORED_DAYS` local days begin."""
        last_day = (int(self.time_ms[-1]) + BEIJING_MS) // DAY_MS
        return (last_day - SCORED_DAYS + 1) * DAY_MS - BEIJING_MS

    def scored(self, from_ms: int) -> np.ndarray:
        """Indices of the log rows from `from_ms` on."""
        return np.flatnonzero(~self.warm & (self.time_ms >= from_ms))

    def before(self, end_ms: int) -> Stream:
        """The same stream, cut off at `end_ms`; peers are tuned on this and cannot see what follows."""
        keep = self.warm | (self.time_ms < end_ms)
        rows = ("time_ms", "viewer", "video", "tab", "duration_ms", "long_view", "click", "like", "play_ms", "warm", "repeat")
        return replace(self, **{name: getattr(self, name)[keep] for name in rows})

    def hour(self) -> np.ndarray:
        """Local hour of the day, 0 to 23."""
        return ((self.time_ms + BEIJING_MS) // HOUR_MS % 24).astype(np.int64)

    def weekday(self) -> np.ndarray:
        """Day of the week, 0 to 6 (0 is a Thursday)."""
        return ((self.time_ms + BEIJING_MS) // DAY_MS % 7).astype(np.int64)

    def duration_bucket(self) -> np.ndarray:
        """Two buckets per doubling of the length, 0 to `DURATION_BUCKETS` - 1."""
        return np.clip(2 * np.log2(1 + self.duration_ms / 1000), 0, DURATION_BUCKETS - 1).astype(np.int64)

    def age_days(self) -> np.ndarray:
        """Days from the video's upload date to the exposure."""
        return (self.time_ms - self.upload_ms[self.video]) / DAY_MS


def read_csv(path: Path) -> list[dict[str, str]]:
    """Rows of a zstd-compressed CSV file."""
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as raw:
        return list(csv.DictReader(io.TextIOWrapper(raw, encoding="utf-8", newline="")))


def read_histories(path: Path) -> dict[str, np.ndarray]:
    """The earlier exposures as columns, oldest first.

    Times are not in the file: exposures are spread evenly from `HISTORY_BEGIN_MS` to the viewer's last one by their position among
    `history_len`. A list of outcomes holds the newest ones, so it is matched from the newest exposure back, each entry once.
    """
    rows: list[tuple[int, int, int, int, int]] = []
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as raw:
        for line in io.TextIOWrapper(raw, encoding="utf-8"):
            viewer = json.loads(line)
            watch, length, last_ms = viewer["watch"], viewer["history_len"], viewer["last_time_ms"]
            long_view, like = Counter(viewer["long_view"]), Counter(viewer["like"])
            for index in range(len(watch) - 1, -1, -1):
                video = watch[index]
                share = (length - len(watch) + index + 1) / length
                time_ms = HISTORY_BEGIN_MS + int((last_ms - HISTORY_BEGIN_MS) * share)
                rows.append((time_ms, viewer["user_id"], video, int(long_view[video] > 0), int(like[video] > 0)))
                long_view[video] -= 1
                like[video] -= 1
    rows.reverse()
    table = np.array(rows, dtype=np.int64)
    table = table[np.argsort(table[:, 0], kind="stable")]
    return dict(zip(("time_ms", "viewer", "video", "long_view", "like"), table.T))


def codes(values: list[str]) -> np.ndarray:
    """Category codes from 0 in order of first appearance."""
    seen: dict[str, int] = {}
    return np.array([seen.setdefault(value, len(seen)) for value in values], dtype=np.int64)


def load(folder: Path) -> Stream:
    """Reads a folder that holds KuaiRand-Pure's log, histories, videos and viewers."""
    log = read_csv(folder / "interactions.csv.zst")
    past = read_histories(folder / "user_histories.jsonl.zst")
    videos = read_csv(folder / "videos_basic.csv.zst")
    viewers = read_csv(folder / "users.csv.zst")

    video_index = {int(row["video_id"]): index for index, row in enumerate(videos)}
    viewer_index = {int(row["user_id"]): index for index, row in enumerate(viewers)}

    tags = np.full((len(videos), TAGS_PER_VIDEO), -1, dtype=np.int64)
    for index, row in enumerate(videos):
        found = [int(float(tag)) for tag in row["tag"].split(",") if tag][:TAGS_PER_VIDEO]
        tags[index, : len(found)] = found
    known_ms = np.array([float(row["video_duration"] or 0) for row in videos])
    upload = np.array([row["upload_dt"] for row in videos], dtype="datetime64[ms]").astype(np.int64)

    def column(name: str) -> np.ndarray:
        return np.array([int(row[name]) for row in log], dtype=np.int64)

    seen: set[tuple[str, ...]] = set()
    repeat = np.zeros(len(log), dtype=bool)
    for index, row in enumerate(log):
        values = tuple(row.values())
        repeat[index] = values in seen
        seen.add(values)

    past_video = np.array([video_index[v] for v in past["video"].tolist()])
    past_viewer = np.array([viewer_index[v] for v in past["viewer"].tolist()])
    log_video = np.array([video_index[int(row["video_id"])] for row in log])
    log_viewer = np.array([viewer_index[int(row["user_id"])] for row in log])
    unknown = np.full(len(past_video), -1, dtype=np.int64)
    names = tuple(name for name in viewers[0] if name != "user_id")
    return Stream(
        time_ms=np.r_[past["time_ms"], column("time_ms")],
        viewer=np.r_[past_viewer, log_viewer],
        video=np.r_[past_video, log_video],
        tab=np.r_[np.full(len(past_video), UNKNOWN_TAB), column("tab")],
        duration_ms=np.r_[known_ms[past_video], column("duration_ms").astype(np.float64)],
        long_view=np.r_[past["long_view"], column("long_view")],
        click=np.r_[unknown, column("is_click")],
        like=np.r_[past["like"], column("is_like")],
        play_ms=np.r_[unknown, column("play_time_ms")],
        warm=np.r_[np.ones(len(past_video), dtype=bool), np.zeros(len(log), dtype=bool)],
        repeat=np.r_[np.zeros(len(past_video), dtype=bool), repeat],
        author=codes([row["author_id"] for row in videos]),
        music=codes([row["music_id"] for row in videos]),
        video_type=codes([row["video_type"] for row in videos]),
        upload_type=codes([row["upload_type"] for row in videos]),
        upload_ms=upload,
        tags=tags,
        profile=np.stack([codes([row[name] for row in viewers]) for name in names], axis=1),
        profile_names=names,
    )
