"""Holds the shares of the multiply-add peak that bench_flow measured against stored ones, and says what got slower.

What share is reached depends on the kind of processor: one with twice the multiply-adds has no more of the rest. So
there is a table for each instruction set and peak; the one whose peak is nearest is the measure.

usage: shares.py RESULT.json [--store]     RESULT.json: bench_flow --benchmark_out=RESULT.json; --store: keep as the new table
"""

import json
import math
import pathlib
import statistics
import sys

TABLE = pathlib.Path(__file__).with_name("shares.json")
NOTICED = 0.07  # repeats on a quiet machine differ by less
ALIKE = 1.25  # peaks of one kind of processor, which clocks vary, differ by less


def measured_shares(path):
    """Instruction set, peak, and case -> share of the peak by its fastest run, which other programs disturb least."""
    result = json.loads(pathlib.Path(path).read_text())
    shares, errors, peaks = {}, {}, []
    for case in result["benchmarks"]:
        name = case["name"].split("/iterations:")[0]
        if case.get("error_occurred"):
            errors[name] = case["error_message"]
        elif "best_share" in case:
            shares[name] = case["best_share"]
            peaks.append(case["peak_gflops"])
    return result["context"]["instruction_set"], statistics.median(peaks or [0]), shares, errors


def distance(peak, other):
    return max(peak / other, other / peak)


def nearest(tables, instruction_set, peak):
    """The table of the processor most like this one, or None."""
    alike = [table for table in tables if table["instruction_set"] == instruction_set]
    return min(alike, key=lambda table: distance(peak, table["peak_gflops"]), default=None)


def store(instruction_set, peak, shares):
    tables = json.loads(TABLE.read_text()) if TABLE.exists() else []
    old = nearest(tables, instruction_set, peak)
    if old and distance(peak, old["peak_gflops"]) < ALIKE:
        tables.remove(old)
    rounded = {name: round(share, 4) for name, share in sorted(shares.items())}
    tables.append({"instruction_set": instruction_set, "peak_gflops": round(peak, 1), "shares": rounded})
    tables.sort(key=lambda table: (table["instruction_set"], table["peak_gflops"]))
    TABLE.write_text(json.dumps(tables, indent=1) + "\n")
    print(f"{TABLE}: {len(shares)} shares of {instruction_set} at {peak:.0f} GFLOP/s stored")


def compare(instruction_set, peak, shares):
    table = nearest(json.loads(TABLE.read_text()), instruction_set, peak) if TABLE.exists() else None
    stored = table["shares"] if table else {}
    ratios = {name: shares[name] / stored[name] for name in shares if name in stored}
    if not ratios:
        print(f"no shares of {instruction_set} are stored; --store keeps these")
        return
    print(f"{'share':>6} {'stored':>6} {'ratio':>6}  case ({instruction_set}, one thread, {peak:.0f} GFLOP/s)")
    for name, ratio in ratios.items():
        verdict = "  SLOWER" if ratio < 1 - NOTICED else "  faster" if ratio > 1 + NOTICED else ""
        print(f"{shares[name]:6.2f} {stored[name]:6.2f} {ratio:6.2f}  {name}{verdict}")
    if distance(peak, table["peak_gflops"]) >= ALIKE:
        print(
            f"The stored shares are of another kind of processor, with a peak of {table['peak_gflops']:.0f} GFLOP/s, so "
            "ratios tell little here. --store keeps a table for this one."
        )
    slower = sorted((ratio, name) for name, ratio in ratios.items() if ratio < 1 - NOTICED)
    mean = math.exp(sum(map(math.log, ratios.values())) / len(ratios))
    print(f"{len(slower)} of {len(ratios)} cases got slower by more than {100 * NOTICED:.0f}%; mean ratio {mean:.3f}")
    for ratio, name in slower:
        print(f"  {name}: {ratio:.2f} of the stored share")
    for name in sorted(stored.keys() - shares.keys()):
        print(f"  {name}: stored, but not measured")


def main():
    instruction_set, peak, shares, errors = measured_shares(sys.argv[1])
    if not shares:
        print("no case was timed")
    elif "--store" in sys.argv[2:]:
        store(instruction_set, peak, shares)
    else:
        compare(instruction_set, peak, shares)
    for name, message in errors.items():
        print(f"WRONG ANSWERS, not timed: {name}: {message}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
