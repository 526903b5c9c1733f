"""Running statistics of the stream: what is known of an exposure just before it happens.

`context` gives the few facts that the linear peers and the network get as categories (repeats, gaps, latest outcomes). `statistics`
gives the gradient-boosted model's columns: rates per viewer, video, author, sound, tag, duration and their pairs, co-watching within
the viewer's newest 50 exposures, gaps and counts. Every column of a row is read before the row's outcome is entered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from stream import BEIJING_MS, DAY_MS, DURATION_BUCKETS, TABS, Stream

HISTORY = 50
"""Newest exposures of a viewer that are kept."""
SESSION_GAP_MS = 1_800_000
"""A longer pause begins a new session, milliseconds."""
GAP_BUCKETS = 18
"""Powers of two of seconds; the last one is for a viewer's first exposure."""


@dataclass(frozen=True)
class Context:
    """Facts about each row that are known before it, one entry per row of the stream."""

    seen: np.ndarray
    """Times that the video is among the viewer's newest `HISTORY` exposures."""
    seen_outcome: np.ndarray
    """Long view of the newest of those, -1 when there is none."""
    gap_bucket: np.ndarray
    """Floor of log2(1 + seconds since the viewer's exposure before), below `GAP_BUCKETS`."""
    latest: np.ndarray
    """The viewer's latest three long views as a number to base 3 (digit 2: none)."""

    def repeat_bucket(self) -> np.ndarray:
        """0 for a video that is new to the viewer, else by its last outcome and by the gap (repeats come at once, or much later)."""
        short = np.minimum(self.gap_bucket, 8)
        return np.where(self.seen == 0, 0, 1 + (self.seen_outcome > 0) + 2 * short).astype(np.int64)


@numba.njit(cache=True)
def _context(viewer, video, time_ms, long_view, viewers, history):
    rows = len(viewer)
    seen = np.zeros(rows, np.int64)
    seen_outcome = np.full(rows, -1, np.int64)
    gap = np.full(rows, GAP_BUCKETS - 1, np.int64)
    latest = np.zeros(rows, np.int64)
    ring_video = np.full((viewers, history), -1)
    ring_outcome = np.zeros((viewers, history), np.int64)
    length = np.zeros(viewers, np.int64)
    last_ms = np.zeros(viewers, np.int64)
    for i in range(rows):
        u = viewer[i]
        for back in range(min(length[u], history)):
            at = (length[u] - 1 - back) % history
            if ring_video[u, at] == video[i]:
                seen[i] += 1
                if seen_outcome[i] < 0:
                    seen_outcome[i] = ring_outcome[u, at]
        for back in range(3):
            digit = ring_outcome[u, (length[u] - 1 - back) % history] if length[u] > back else 2
            latest[i] = 3 * latest[i] + digit
        if length[u] > 0:
            seconds = max(0, time_ms[i] - last_ms[u]) / 1000
            gap[i] = min(int(np.log2(1 + seconds)), GAP_BUCKETS - 2)
        ring_video[u, length[u] % history] = video[i]
        ring_outcome[u, length[u] % history] = long_view[i]
        length[u] += 1
        last_ms[u] = time_ms[i]
    return seen, seen_outcome, gap, latest


def context(s: Stream) -> Context:
    """Repeats, gaps and latest outcomes of every row."""
    return Context(*_context(s.viewer, s.video, s.time_ms, s.long_view, len(s.profile), HISTORY))


# Targets that the running means are taken of. A residual subtracts what is already known of the other side, so that a video's mean
# is about the video and not about who was shown it.
LONG, LONG_RESIDUAL, LIKE, CLICK, CLICK_TAB, CLICK_VIEWER, CLICK_VIDEO, PLAY, PLAY_VIEWER, PLAY_VIDEO, LOG_TAB, LOG_VIEWER = range(12)
TARGETS = 12
FIRST_LOG_TARGET = CLICK
"""Targets from here on are entered for log rows only."""

# What a mean is drawn towards while it has few rows: nothing, the target's overall mean, or the viewer's rate times the tab's.
TO_ZERO, TO_MEAN, TO_VIEWER_AND_TAB = range(3)

TABLES: list[tuple[str, str, int, float, int, float, bool]] = [
    # name, key, target, rows that the prior counts for, prior, share kept per row, whether the count is a column as well
    ("video_long", "video", LONG, 8, TO_MEAN, 1.0, True),
    ("video_long_fast", "video", LONG, 5, TO_MEAN, 0.97, False),
    ("video_long_residual", "video", LONG_RESIDUAL, 8, TO_ZERO, 1.0, False),
    ("video_like", "video", LIKE, 20, TO_MEAN, 1.0, False),
    ("video_click", "video", CLICK, 5, TO_MEAN, 1.0, True),
    ("video_click_viewer", "video", CLICK_VIEWER, 8, TO_ZERO, 1.0, False),
    ("video_play", "video", PLAY, 5, TO_MEAN, 1.0, False),
    ("video_play_viewer", "video", PLAY_VIEWER, 8, TO_ZERO, 1.0, False),
    ("video_play_viewer_fast", "video", PLAY_VIEWER, 5, TO_ZERO, 0.95, False),
    ("video_log_viewer", "video", LOG_VIEWER, 8, TO_ZERO, 1.0, False),
    ("author_long", "author", LONG, 8, TO_MEAN, 1.0, True),
    ("author_long_residual", "author", LONG_RESIDUAL, 8, TO_ZERO, 1.0, False),
    ("author_play_viewer", "author", PLAY_VIEWER, 8, TO_ZERO, 1.0, False),
    ("author_click_viewer", "author", CLICK_VIEWER, 8, TO_ZERO, 1.0, False),
    ("music_long", "music", LONG, 8, TO_MEAN, 1.0, True),
    ("tag_long", "tag", LONG, 10, TO_MEAN, 1.0, False),
    ("duration_long", "duration", LONG, 10, TO_MEAN, 1.0, False),
    ("tab_long", "tab", LONG, 10, TO_MEAN, 1.0, False),
    ("tab_click", "tab", CLICK, 10, TO_MEAN, 1.0, False),
    ("video_tab_long", "video_tab", LONG, 5, TO_MEAN, 1.0, False),
    ("video_tab_log_viewer", "video_tab", LOG_VIEWER, 4, TO_ZERO, 1.0, False),
    ("video_tab_click_viewer", "video_tab", CLICK_VIEWER, 4, TO_ZERO, 1.0, False),
    ("viewer_long", "viewer", LONG, 4, TO_MEAN, 1.0, True),
    ("viewer_long_mid", "viewer", LONG, 2, TO_MEAN, 0.9, False),
    ("viewer_long_fast", "viewer", LONG, 1, TO_MEAN, 0.6, False),
    ("viewer_long_residual", "viewer", LONG_RESIDUAL, 4, TO_ZERO, 1.0, False),
    ("viewer_like", "viewer", LIKE, 10, TO_MEAN, 1.0, False),
    ("viewer_click", "viewer", CLICK, 3, TO_MEAN, 1.0, True),
    ("viewer_click_fast", "viewer", CLICK, 1, TO_MEAN, 0.7, False),
    ("viewer_click_tab", "viewer", CLICK_TAB, 4, TO_ZERO, 1.0, False),
    ("viewer_click_video", "viewer", CLICK_VIDEO, 4, TO_ZERO, 1.0, False),
    ("viewer_play", "viewer", PLAY, 3, TO_MEAN, 1.0, False),
    ("viewer_play_fast", "viewer", PLAY, 1, TO_MEAN, 0.7, False),
    ("viewer_play_video", "viewer", PLAY_VIDEO, 4, TO_ZERO, 1.0, False),
    ("viewer_log_tab", "viewer", LOG_TAB, 3, TO_ZERO, 1.0, False),
    ("viewer_tab_long", "viewer_tab", LONG, 3, TO_VIEWER_AND_TAB, 1.0, True),
    ("viewer_tab_click", "viewer_tab", CLICK_TAB, 2, TO_ZERO, 1.0, False),
    ("viewer_tab_log", "viewer_tab", LOG_TAB, 2, TO_ZERO, 1.0, False),
    ("viewer_tag_long", "viewer_tag", LONG_RESIDUAL, 4, TO_ZERO, 1.0, True),
    ("viewer_tag_click", "viewer_tag", CLICK_TAB, 4, TO_ZERO, 1.0, False),
    ("viewer_duration_long", "viewer_duration", LONG_RESIDUAL, 3, TO_ZERO, 1.0, True),
    ("viewer_duration_click", "viewer_duration", CLICK_TAB, 3, TO_ZERO, 1.0, False),
    ("viewer_author_long", "viewer_author", LONG_RESIDUAL, 2, TO_ZERO, 1.0, True),
    ("viewer_quarter_long", "viewer_quarter", LONG_RESIDUAL, 3, TO_ZERO, 1.0, False),
]
PLAIN_COLUMNS = ("tab", "hour", "weekday", "log_duration", "age_days", "video_type", "upload_type")
PASS_COLUMNS = (
    "seen", "seen_outcome", "co_residual", "co_finish", "co_lift", "viewer_last", "viewer_last_3_play", "viewer_gap", "viewer_gap_2",
    "same_time", "video_gap", "video_hour", "video_day", "viewer_day", "viewer_week", "session_rows", "session_long",
)  # fmt: skip
OUTCOME_COLUMNS = ("viewer_last", "viewer_last_3_play", "session_long")
"""Those of `PASS_COLUMNS` that tell the viewer's level."""


def keys(s: Stream) -> dict[str, np.ndarray]:
    """Dense index of each key that a running mean is kept for, per row."""
    tag = s.tags[s.video, 0] + 1
    duration = s.duration_bucket()
    author = s.author[s.video]

    def pair(left: np.ndarray, right: np.ndarray, width: int) -> np.ndarray:
        return np.unique(left * width + right, return_inverse=True)[1]

    return {
        "viewer": s.viewer,
        "video": s.video,
        "author": author,
        "music": s.music[s.video],
        "tag": tag,
        "duration": duration,
        "tab": s.tab,
        "video_tab": pair(s.video, s.tab, TABS),
        "viewer_tab": pair(s.viewer, s.tab, TABS),
        "viewer_tag": pair(s.viewer, tag, int(tag.max()) + 1),
        "viewer_duration": pair(s.viewer, duration, DURATION_BUCKETS),
        "viewer_author": pair(s.viewer, author, int(author.max()) + 1),
        "viewer_quarter": pair(s.viewer, s.hour() // 6, 4),
    }


@numba.njit(cache=True)
def _tables(key, offset, target_of, strength, prior, kept, log_only, tab, long_view, like, click, play, special):
    """Running means of all tables: rows x tables, and the counts behind them.

    `special` gives the table numbers that residuals need: viewer_tab_long, tab_long, tab_click, viewer_long, viewer_click_tab,
    video_click_viewer, video_play_viewer, viewer_log_tab.
    """
    rows, tables = key.shape
    total = np.zeros(offset[-1])
    count = np.zeros(offset[-1])
    mean = np.zeros((rows, tables), np.float32)
    counts = np.zeros((rows, tables), np.float32)
    overall = np.zeros((TARGETS, 2))
    by_tab = np.zeros((TABS, 3, 2))
    value = np.zeros(TARGETS)
    viewer_play_tab = np.zeros((offset[special[3] + 1] - offset[special[3]], 2))
    for i in range(rows):
        for k in range(tables):
            at = offset[k] + key[i, k]
            target = target_of[k]
            towards = 0.0
            if prior[k] == TO_MEAN:
                towards = (overall[target, 0] + 3.0) / (overall[target, 1] + 10.0)
            elif prior[k] == TO_VIEWER_AND_TAB:
                all_rows = (overall[target, 0] + 3.0) / (overall[target, 1] + 10.0)
                towards = mean[i, special[3]] * mean[i, special[1]] / all_rows
            mean[i, k] = (total[at] + strength[k] * towards) / (count[at] + strength[k])
            counts[i, k] = np.log1p(count[at])
        logged = click[i] >= 0
        value[LONG] = long_view[i]
        value[LONG_RESIDUAL] = long_view[i] - min(max(mean[i, special[0]], 0.01), 0.99)
        value[LIKE] = like[i]
        if logged:
            t = tab[i]
            u = key[i, special[3]]
            tab_click = by_tab[t, 0, 0] / (by_tab[t, 0, 1] + 1)
            tab_play = by_tab[t, 1, 0] / (by_tab[t, 1, 1] + 1)
            tab_long = (by_tab[t, 2, 0] + 3) / (by_tab[t, 2, 1] + 10)
            value[CLICK] = click[i]
            value[CLICK_TAB] = click[i] - tab_click
            value[CLICK_VIEWER] = value[CLICK_TAB] - mean[i, special[4]]
            value[CLICK_VIDEO] = value[CLICK_TAB] - mean[i, special[5]]
            value[PLAY] = play[i]
            value[PLAY_VIEWER] = play[i] - tab_play - viewer_play_tab[u, 0] / (viewer_play_tab[u, 1] + 4)
            value[PLAY_VIDEO] = play[i] - tab_play - mean[i, special[6]]
            value[LOG_TAB] = long_view[i] - tab_long
            value[LOG_VIEWER] = value[LOG_TAB] - mean[i, special[7]]
            viewer_play_tab[u, 0] += value[PLAY_VIDEO]
            viewer_play_tab[u, 1] += 1
            by_tab[t, 0, 0] += click[i]
            by_tab[t, 1, 0] += play[i]
            by_tab[t, 2, 0] += long_view[i]
            for target in range(3):
                by_tab[t, target, 1] += 1
        for k in range(tables):
            if logged or not log_only[k]:
                at = offset[k] + key[i, k]
                total[at] = total[at] * kept[k] + value[target_of[k]]
                count[at] = count[at] * kept[k] + 1
        for target in range(TARGETS):
            if logged or target < FIRST_LOG_TARGET:
                overall[target, 0] = overall[target, 0] * 0.99995 + value[target]
                overall[target, 1] = overall[target, 1] * 0.99995 + 1
    return mean, counts


@numba.njit(cache=True)
def _pass(viewer, video, time_ms, long_view, play, warm, viewer_rate, viewers, videos, history, columns):
    """`PASS_COLUMNS`: repeats, co-watching, gaps, decayed counts and sessions. `viewer_rate` is the viewer's running long-view rate."""
    rows = len(viewer)
    x = np.zeros((rows, columns), np.float32)
    ring_video = np.full((viewers, history), -1)
    ring_outcome = np.zeros((viewers, history))
    length = np.zeros(viewers, np.int64)
    residual_pairs = np.zeros((videos, videos), np.float32)
    finish_pairs = np.zeros((videos, videos), np.float32)
    shown = np.zeros(videos)
    finished = np.zeros(videos)
    all_finished = 1.0
    viewer_ms = np.zeros((viewers, 2))
    video_ms = np.zeros(videos)
    video_decayed = np.zeros((videos, 2))
    viewer_decayed = np.zeros((viewers, 2))
    plays = np.full((viewers, 3), -1.0)
    session = np.zeros((viewers, 2))
    hour, day = 3_600_000.0, 86_400_000.0
    for i in range(rows):
        u, v, now, outcome, rate = viewer[i], video[i], float(time_ms[i]), long_view[i], viewer_rate[i]
        kept = min(length[u], history)
        seen = 0.0
        seen_outcome = -1.0
        co_residual = 0.0
        co_finish = 0.0
        co_rows = 0.0
        for back in range(kept):
            at = (length[u] - 1 - back) % history
            other = ring_video[u, at]
            if other == v:
                seen += 1
                if seen_outcome < 0:
                    seen_outcome = ring_outcome[u, at]
                continue
            scale = np.sqrt((shown[other] + 5) * (shown[v] + 5))
            co_residual += (ring_outcome[u, at] - rate) * residual_pairs[other, v] / scale
            if ring_outcome[u, at] > 0:
                co_finish += finish_pairs[other, v] / (finished[other] + 3)
                co_rows += 1
        co_finish /= co_rows + 1
        gap = now - viewer_ms[u, 0]
        if gap > SESSION_GAP_MS:
            session[u, 0] = 0
            session[u, 1] = 0
        x[i, 0] = seen
        x[i, 1] = seen_outcome
        x[i, 2] = co_residual
        x[i, 3] = co_finish
        x[i, 4] = (co_finish + 1e-4) / (50 * finished[v] / all_finished + 1e-3)
        x[i, 5] = ring_outcome[u, (length[u] - 1) % history] if kept > 0 else -1.0
        x[i, 6] = plays[u, 0] + plays[u, 1] + plays[u, 2]
        x[i, 7] = np.log1p(max(0.0, gap) / 1000)
        x[i, 8] = np.log1p(max(0.0, now - viewer_ms[u, 1]) / 1000)
        x[i, 9] = 1.0 if gap == 0 else 0.0
        x[i, 10] = np.log1p(max(0.0, now - video_ms[v]) / 1000)
        x[i, 11] = np.log1p(video_decayed[v, 0] * np.exp(-max(0.0, now - video_ms[v]) / hour))
        x[i, 12] = np.log1p(video_decayed[v, 1] * np.exp(-max(0.0, now - video_ms[v]) / day))
        x[i, 13] = viewer_decayed[u, 0] * np.exp(-max(0.0, gap) / day)
        x[i, 14] = viewer_decayed[u, 1] * np.exp(-max(0.0, gap) / (7 * day))
        x[i, 15] = session[u, 0]
        x[i, 16] = session[u, 1]

        for back in range(kept):
            at = (length[u] - 1 - back) % history
            other = ring_video[u, at]
            if other != v:
                product = (ring_outcome[u, at] - rate) * (outcome - rate)
                residual_pairs[other, v] += product
                residual_pairs[v, other] += product
                if outcome > 0 and ring_outcome[u, at] > 0:
                    finish_pairs[other, v] += 1
                    finish_pairs[v, other] += 1
        ring_video[u, length[u] % history] = v
        ring_outcome[u, length[u] % history] = outcome
        length[u] += 1
        shown[v] += 1
        finished[v] += outcome
        all_finished += outcome
        if not warm[i]:
            plays[u, 2] = plays[u, 1]
            plays[u, 1] = plays[u, 0]
            plays[u, 0] = play[i]
        video_decayed[v, 0] = video_decayed[v, 0] * np.exp(-max(0.0, now - video_ms[v]) / hour) + 1
        video_decayed[v, 1] = video_decayed[v, 1] * np.exp(-max(0.0, now - video_ms[v]) / day) + 1
        viewer_decayed[u, 0] = viewer_decayed[u, 0] * np.exp(-max(0.0, gap) / day) + 1
        viewer_decayed[u, 1] = viewer_decayed[u, 1] * np.exp(-max(0.0, gap) / (7 * day)) + 1
        session[u, 0] += 1
        session[u, 1] += outcome
        video_ms[v] = now
        viewer_ms[u, 1] = viewer_ms[u, 0]
        viewer_ms[u, 0] = now
    return x


def day_begin(s: Stream, key: np.ndarray) -> np.ndarray:
    """For each log row, the log row (counted without the histories) at which its key was first met that local day."""
    log = ~s.warm
    day = (s.time_ms[log] + BEIJING_MS) // DAY_MS
    _, first, inverse = np.unique(key[log] * 100_000 + day, return_index=True, return_inverse=True)
    return first[inverse]


def statistics(s: Stream) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """All columns of the gradient-boosted model for the log rows (not the histories), the same with what is known of the viewer's own
    outcomes as it stood when the day began, and the columns' names.

    A level that follows the viewer's own outcomes within the day is right more often between viewers, but within one viewer's rows it is
    high after good luck and low after bad, so that the second form ranks better within viewers.
    """
    by_key = keys(s)
    names = [table[0] for table in TABLES]
    key = np.stack([by_key[table[1]] for table in TABLES], axis=1)
    offset = np.r_[0, np.cumsum(key.max(axis=0) + 1)]
    needed = ("viewer_tab_long", "tab_long", "tab_click", "viewer_long", "viewer_click_tab", "video_click_viewer")
    special = np.array([names.index(name) for name in (*needed, "video_play_viewer", "viewer_log_tab")])
    target_of = np.array([table[2] for table in TABLES])
    finish_s = np.clip(np.minimum(s.duration_ms / 1000, 18), 1, 18)
    watched = np.minimum(np.maximum(s.play_ms, 0) / 1000 / finish_s, 1.5)
    mean, counts = _tables(
        key, offset, target_of, np.array([float(table[3]) for table in TABLES]), np.array([table[4] for table in TABLES]),
        np.array([table[5] for table in TABLES]), target_of >= FIRST_LOG_TARGET, s.tab, s.long_view, s.like, s.click, watched, special,
    )  # fmt: skip
    log_play = np.log1p(np.maximum(s.play_ms, 0) / 1000)
    passed = _pass(
        s.viewer, s.video, s.time_ms, s.long_view.astype(np.float64), log_play, s.warm, mean[:, names.index("viewer_long")],
        len(s.profile), len(s.author), HISTORY, len(PASS_COLUMNS),
    )  # fmt: skip
    plain = np.stack(
        [s.tab, s.hour(), s.weekday(), np.log1p(s.duration_ms / 1000), s.age_days(), s.video_type[s.video], s.upload_type[s.video]], axis=1
    ).astype(np.float32)
    counted = [index for index, table in enumerate(TABLES) if table[6]]
    log = ~s.warm
    viewer_begin = day_begin(s, s.viewer)
    frozen_mean, frozen_passed = mean[log], passed[log]
    for index, table in enumerate(TABLES):
        if table[1].startswith("viewer"):
            frozen_mean[:, index] = frozen_mean[day_begin(s, by_key[table[1]]), index]
    for index in (PASS_COLUMNS.index(name) for name in OUTCOME_COLUMNS):
        frozen_passed[:, index] = frozen_passed[viewer_begin, index]
    live = np.concatenate([plain[log], mean[log], counts[log][:, counted], passed[log]], axis=1)
    frozen = np.concatenate([plain[log], frozen_mean, counts[log][:, counted], frozen_passed], axis=1)
    return live, frozen, [*PLAIN_COLUMNS, *names, *(f"{names[index]}_rows" for index in counted), *PASS_COLUMNS]
