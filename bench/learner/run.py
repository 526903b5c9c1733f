"""Runs the peers and the project's own learner on KuaiRand-Pure and prints one table; README.md says by which rules."""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import os
import platform
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import metrics
import stream
from peers import PEERS, Peer, Prepared, Settings

FIGURES = ("auc", "gauc", "log_loss", "ece")
WATERSHED_LIMIT_S = 1800
"""Longest that one replay of the project's own learner may take, seconds."""
SPEED_REPEATS = 3

prepared: Prepared
"""What the workers score against; set before they are forked, so that they share its memory."""


@dataclass(frozen=True)
class Job:
    """One run of one peer; its task is empty where one run gives both."""

    peer: Peer
    settings: Settings
    task: str
    seed: int


def score(job: Job) -> list[dict[str, Any]]:
    """Runs a job in a worker: figures over all scored rows, and over those that repeat no earlier row (`first_`)."""
    begin = time.perf_counter()
    predicted, per_s = job.peer.run(prepared, job.task, job.settings, job.seed)
    took_s = round(time.perf_counter() - begin, 1)
    s, rows = prepared.stream, prepared.scored
    first = ~s.repeat[rows]
    answers = []
    speed = {"examples_per_s": per_s} if per_s else {}
    for task, p in predicted.items():
        label, viewer = s.label(task)[rows], s.viewer[rows]
        figures = metrics.figures(label, p, viewer)
        figures |= {f"first_{name}": value for name, value in metrics.figures(label[first], p[first], viewer[first]).items()}
        answers.append({"peer": job.peer.name, "task": task, "seed": job.seed, "settings": job.settings, "took_s": took_s, **speed, **figures})
        print(f"  {job.peer.name}, {task}, seed {job.seed}: {figures['auc']:.4f} {figures['gauc']:.4f}, {took_s:.0f} s", file=sys.stderr, flush=True)
    return answers


def run_jobs(jobs: list[Job], workers: int, kept: Path | None = None) -> list[dict[str, Any]]:
    """Runs the jobs on forked workers, seed by seed, the costliest first; jobs in the file `kept` are not run again, finished ones are added."""
    done: dict[str, list[dict[str, Any]]] = {}
    if kept and kept.exists():
        done = {run["job"]: run["answers"] for run in map(json.loads, kept.read_text().splitlines())}
    names = [json.dumps((job.peer.name, job.task, job.seed, job.settings), sort_keys=True) for job in jobs]
    to_run = [(name, job) for name, job in zip(names, jobs) if name not in done]
    to_run.sort(key=lambda pair: (pair[1].seed, -pair[1].peer.cost))
    for name in sorted({name for _, job in to_run for name in job.peer.prepared}):
        getattr(prepared, name)
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork")) as pool:
        running = {pool.submit(score, job): name for name, job in to_run}
        for future in as_completed(running):
            name = running[future]
            done[name] = future.result()
            if kept:
                with kept.open("a") as file:
                    file.write(json.dumps({"job": name, "answers": done[name]}) + "\n")
    return [answer for name in names for answer in done[name]]


def installed(peers: list[Peer]) -> tuple[list[Peer], list[dict[str, str]]]:
    """The peers whose package can be imported, and a row with the reason for every other one."""
    found, missing = [], []
    for peer in peers:
        try:
            importlib.import_module(peer.module)
            found.append(peer)
        except (ImportError, OSError) as error:
            missing.append({"peer": peer.name, "reason": f"not installed: {error}"})
    return found, missing


def summary(runs: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Mean, spread (greatest less least) and values of every figure."""
    names = [*FIGURES, *(f"first_{name}" for name in FIGURES)]
    values = {name: [run[name] for run in runs if name in run] for name in names}
    return {name: {"mean": float(np.mean(v)), "spread": max(v) - min(v), "values": v} for name, v in values.items() if v}


def rows_of(runs: list[dict[str, Any]], peers: list[Peer]) -> list[dict[str, Any]]:
    """One row per peer and task, over its seeds."""
    rows = []
    for peer in peers:
        for task in stream.TASKS:
            mine = [run for run in runs if run["peer"] == peer.name and run["task"] == task]
            if mine:
                took_s = round(float(np.mean([run["took_s"] for run in mine])), 1)
                row = {"peer": peer.name, "task": task, "seeds": len(mine), "deterministic": not peer.seeded, "took_s": took_s}
                speed = [run["examples_per_s"] for run in mine if "examples_per_s" in run]
                row |= {"examples_per_s": round(float(np.mean(speed)), 1)} if speed else {}
                rows.append({**row, "settings": mine[0]["settings"], "figures": summary(mine)})
    return rows


def watershed_rows(program: Path, folder: Path, seeds: list[int]) -> tuple[list[dict[str, Any]], str]:
    """Rows of the project's own learner, or the reason why there are none."""
    runs: list[dict[str, Any]] = []
    for seed in seeds:
        command = [str(program.resolve()), "replay", "--dataset", "kuairand", str(folder), "--json", "--seed", str(seed)]
        begin = time.perf_counter()
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=WATERSHED_LIMIT_S, check=True)
            answer = json.loads(done.stdout[done.stdout.index("{") :])
        except FileNotFoundError:
            return [], f"{program.name} is not built"
        except subprocess.CalledProcessError as error:
            return [], f"replay failed: {(error.stderr.strip().splitlines() or ['no message'])[-1]}"
        except (subprocess.TimeoutExpired, ValueError) as error:
            return [], f"replay gave no figures: {error}"
        if answer["scored_from_ms"] != prepared.from_ms:
            return [], f"replay scored from {answer['scored_from_ms']} ms, the peers from {prepared.from_ms} ms"
        took_s = round(time.perf_counter() - begin, 1)
        extra = {"seed": seed, "took_s": took_s, "examples_per_s": answer["examples_per_s"]}
        first = {task["task"]: {f"first_{name}": task[name] for name in FIGURES} for task in answer["tasks_without_repeats"]}
        runs += [task | first.get(task["task"], {}) | extra for task in answer["tasks"] if task["task"] in stream.TASKS]
    rows = []
    for task in stream.TASKS:
        mine = [run for run in runs if run["task"] == task]
        row = {"peer": "Watershed", "task": task, "seeds": len(mine), "deterministic": False, "settings": {}}
        took_s, per_s = (round(float(np.mean([run[name] for run in mine])), 1) for name in ("took_s", "examples_per_s"))
        rows.append({**row, "took_s": took_s, "examples_per_s": per_s, "figures": summary(mine)})
    return rows, ""


def machine() -> dict[str, Any]:
    """Processor, cores and memory of this machine."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = next((line.split(":")[1].strip() for line in info.splitlines() if line.startswith("model name")), platform.processor())
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)), "memory_gib": round(pages, 1)}


def table(rows: list[dict[str, Any]], missing: list[dict[str, str]], task: str) -> str:
    """One task as a Markdown table, the best of each of the first two columns among the peers in bold."""
    mine = [row for row in rows if row["task"] == task]
    best = {name: max((r["figures"][name]["mean"] for r in mine if r["peer"] != "Watershed"), default=0) for name in ("auc", "gauc")}

    def cell(row: dict[str, Any], name: str) -> str:
        if name not in row["figures"]:
            return ""
        figure = row["figures"][name]
        text = f"{figure['mean']:.4f}" if name in best or name.startswith("first") else f"{figure['mean']:.3f}"
        text = f"**{text}**" if name in best and figure["mean"] == best[name] else text
        return text if row["seeds"] == 1 or name not in best else f"{text} ±{figure['spread'] / 2:.4f}"

    columns = ("auc", "gauc", "log_loss", "ece", "first_auc", "first_gauc")
    heads = ("AUC", "GAUC", "log loss", "ECE", "AUC, no repeats", "GAUC, no repeats", "seeds", "s per run", "examples/s")
    out = ["| " + " | ".join((task, *heads)) + " |", "|---" + "|---:" * len(heads) + "|"]
    for row in mine:
        seeds = "1 (deterministic)" if row["deterministic"] else str(row["seeds"])
        speed = f"{row['examples_per_s']:,.0f}" if "examples_per_s" in row else ""
        out.append("| " + " | ".join((row["peer"], *(cell(row, name) for name in columns), seeds, f"{row['took_s']:.0f}", speed)) + " |")
    out += [f"| {row['peer']} | {row['reason']} |" + " |" * 8 for row in missing]
    return "\n".join(out)


def tune(peers: list[Peer], workers: int) -> None:
    """Runs the peers' grids on the three days before the scored ones; prints the settings of each, best AUC + GAUC first."""
    jobs = []
    for peer in peers:
        tasks = ("",) if peer.both_tasks else stream.TASKS
        jobs += [Job(peer, settings, task, 1) for settings in peer.settings() for task in tasks]
    answers = run_jobs(jobs, workers)
    for peer in peers:
        for task in stream.TASKS:
            mine = [answer for answer in answers if answer["peer"] == peer.name and answer["task"] == task]
            print(f"{peer.name}, {task}")
            for answer in sorted(mine, key=lambda answer: -answer["auc"] - answer["gauc"]):
                print("  " + " ".join(f"{name} {answer[name]:.4f}" for name in FIGURES), f"{answer['took_s']:.0f} s", json.dumps(answer["settings"]))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/learner/run", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of KuaiRand-Pure's .zst files")
    parser.add_argument("--watershed", type=Path, default=os.environ.get("WATERSHED", "target/release/watershed"), help="our program")
    parser.add_argument("--out", type=Path, default="bench-learner.json", help="JSON file to write")
    parser.add_argument("--seeds", type=int, default=3, help="seeds per peer, at least 1")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="peers run at a time, one thread each")
    parser.add_argument("--only", default="", help="run the peers whose name contains this")
    parser.add_argument("--quick", action="store_true", help="one seed, and no hourly refit")
    parser.add_argument("--resume", action="store_true", help="run only what is missing of an earlier, broken-off or smaller run with the same --out")
    parser.add_argument("--tune", action="store_true", help="run the peers' grids on the days before the scored ones instead")
    return parser.parse_args()


def main() -> None:
    global prepared
    options = arguments()
    begin = time.perf_counter()
    peers, missing = installed([peer for peer in PEERS if options.only.lower() in peer.name.lower()])
    whole = stream.load(options.data)
    if options.tune:
        earlier = whole.before(whole.scored_from_ms())
        prepared = Prepared(earlier, earlier.scored_from_ms())
        tune(peers, options.jobs)
        return
    prepared = Prepared(whole, whole.scored_from_ms())
    seeds = list(range(1, (1 if options.quick else options.seeds) + 1))
    if options.quick:
        peers = [peer for peer in peers if "hourly" not in peer.name]
    jobs = [
        Job(peer, peer.chosen[task or stream.TASKS[0]], task, seed)
        for peer in peers
        for task in (("",) if peer.both_tasks else stream.TASKS)
        for seed in (seeds if peer.seeded else seeds[:1])
    ]
    kept = options.out.with_suffix(".runs.jsonl")
    if not options.resume:
        kept.unlink(missing_ok=True)
    rows = rows_of(run_jobs(jobs, options.jobs, kept), peers)
    speed = {}
    for peer in peers:
        if peer.module == "peers_vw":
            module, chosen = importlib.import_module(peer.module), peer.chosen["long_view"]
            speed[peer.name] = module.speed(whole, prepared.vw_text, chosen, SPEED_REPEATS)
    for row in rows:
        if row["peer"] in speed:
            row["examples_per_s"] = round(float(np.median(speed[row["peer"]])), 1)
    if not options.only or "watershed" in options.only.lower():
        own, reason = watershed_rows(options.watershed, options.data, seeds)
        rows += own
        missing += [{"peer": "Watershed", "reason": reason}] if reason else []

    print("\n\n".join(table(rows, missing, task) for task in stream.TASKS))
    for name, per_s in speed.items():
        print(f"\n{name}: {np.median(per_s):,.0f} examples/s on one core (median of {len(per_s)}, from {min(per_s):,.0f} to {max(per_s):,.0f})")
    report = {
        "bench": "learner-peers", "machine": machine(), "rows": len(whole), "scored_rows": len(prepared.scored),
        "scored_from_ms": prepared.from_ms, "parameters": {"seeds": len(seeds), "quick": options.quick, "jobs": options.jobs},
        "peers": rows, "missing": missing, "examples_per_s_one_core": speed, "took_s": round(time.perf_counter() - begin, 1),
    }  # fmt: skip
    options.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
