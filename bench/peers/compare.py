"""Times our training steps and solves beside the peers', in turn, and writes the ratios.

usage: python -m peers.compare --build FOLDER --out FOLDER [--threads N] [--only REGEX] [--systems A,B,...]
                               [--seconds S]
"""

import argparse
import json
import pathlib
import re
import statistics
import sys
import tempfile

from . import picture, table
from .case_list import comparisons, prepare_folder, sweeps
from .system_process import SystemFailed, start_ours, start_peer


def spread(values):
    """Width of the middle half over the median."""
    ordered = sorted(values)
    quarter = len(ordered) // 4
    return (ordered[-1 - quarter] - ordered[quarter]) / statistics.median(ordered)


def summary(seconds):
    return {"median_s": statistics.median(seconds), "best_s": min(seconds), "spread": spread(seconds),
            "runs": len(seconds)}


class Turns:
    """Times a system's turns. One lasts a tenth of a second or longer, and the first run of several is not counted: the
    caches were the other system's, and threads are woken as they are not within a training."""

    SHORTEST = 0.1

    def __init__(self, system, least):
        self.system, self.count = system, least
        self.seconds, self.spent = [], 0

    def take(self):
        times = self.system.runs(self.count)
        self.spent += sum(times)
        if sum(times) < self.SHORTEST:  # turns are longer from now on
            self.count = int(2 * self.count * self.SHORTEST / sum(times)) + 1
            return self.take()
        self.seconds += times[1:] or times


def time_in_turn(ours, peer, budget):
    """Both systems' seconds a run, of turns until `budget` seconds are spent: three turns at least, one with a peer that
    takes longer."""
    our_turns, peer_turns = Turns(ours, 3), Turns(peer, 1)
    done = 0
    while our_turns.spent + peer_turns.spent < budget or done < (3 if peer_turns.spent < budget else 1):
        our_turns.take()
        peer_turns.take()
        done += 1
    return our_turns.seconds, peer_turns.seconds


def compare(comparison, systems, arguments, bench_folder):
    """One line of the table: our time and share of the peak, and each peer's time and ratio to ours."""
    result = {"name": comparison.name, "rows": comparison.rows, "dim": comparison.dim, "width": comparison.width,
              "depth": comparison.depth, "peers": {}}
    with tempfile.TemporaryDirectory() as name:
        folder = prepare_folder(comparison, name, arguments.build / "cnf_gpu", arguments.threads)
        with start_ours(comparison, folder, arguments.build / "bench" / "bench_step", arguments.threads) as ours:
            all_ours, peaks = [], [ours.peak()]
            for system in systems:
                print(f"{comparison.name}: {system}", file=sys.stderr, flush=True)
                try:
                    with start_peer(system, comparison, folder, bench_folder, arguments.threads) as peer:
                        our_seconds, seconds = time_in_turn(ours, peer, arguments.seconds)
                except SystemFailed as failure:
                    result["peers"][system] = {"error": str(failure)}
                    continue
                all_ours += our_seconds
                peaks.append(ours.peak())
                entry = summary(seconds)
                entry["off_by"] = {what: float(error) for what, error in peer.figures.items()}
                entry["ratio"] = entry["median_s"] / statistics.median(our_seconds)
                entry["best_ratio"] = entry["best_s"] / min(our_seconds)
                result["peers"][system] = entry
            result["ours"] = summary(all_ours or ours.runs(5))
            result["instruction_set"] = ours.figures["instruction_set"]
            flops, peak = float(ours.figures["useful_flops"]), max(peaks)
            result["ours"] |= {"peak_gflops": 1e-9 * peak, "share": flops / result["ours"]["median_s"] / peak,
                               "best_share": flops / result["ours"]["best_s"] / peak,
                               "idle_share": float(ours.figures["idle_share"])}
    return result


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default="", help="cases whose name this regular expression finds")
    parser.add_argument("--systems", default="", help="peers, joined by commas; default: all")
    parser.add_argument("--seconds", type=float, default=10, help="to spend on each pair of systems")
    return parser.parse_args()


def main():
    arguments = parse()
    arguments.build, arguments.out = arguments.build.resolve(), arguments.out.resolve()
    bench_folder = pathlib.Path(__file__).resolve().parent.parent
    chosen = arguments.systems.split(",") if arguments.systems else None
    results = {"threads": arguments.threads, "cases": [], "sweeps": []}
    arguments.out.mkdir(parents=True, exist_ok=True)
    for kind, list_of in (("cases", comparisons()), ("sweeps", sweeps())):
        for comparison in list_of:
            if not re.search(arguments.only, comparison.name):
                continue
            systems = [system for system in comparison.systems if chosen is None or system in chosen]
            results[kind].append(compare(comparison, systems, arguments, bench_folder))
            (arguments.out / "benchmarks.json").write_text(json.dumps(results, indent=1) + "\n")
    (arguments.out / "benchmarks.md").write_text(table.markdown(results))
    if results["sweeps"]:
        (arguments.out / "benchmarks.svg").write_text(picture.svg(results))
    print(table.markdown(results))


if __name__ == "__main__":
    main()
