"""Holds the shares of the multiply-add peak that bench_flow measured against stored ones, and says what got slower.

usage: shares.py RESULT.json [--store]     RESULT.json: bench_flow --benchmark_out=RESULT.json; --store: keep as the new table
"""

import json
import math
import pathlib
import sys

TABLE = pathlib.Path(__file__).with_name("shares.json")
NOTICED = 0.07  # repeats on a quiet machine differ by less


def measured_shares(path):
    """Instruction set, and case -> share of the peak by its fastest run, which other programs disturb least."""
    result = json.loads(pathlib.Path(path).read_text())
    shares, errors = {}, {}
    for case in result["benchmarks"]:
        name = case["name"].split("/iterations:")[0]
        if case.get("error_occurred"):
            errors[name] = case["error_message"]
        elif "best_share" in case:
            shares[name] = case["best_share"]
    return result["context"]["instruction_set"], shares, errors


def store(instruction_set, shares):
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    table[instruction_set] = {name: round(share, 4) for name, share in shares.items()}
    TABLE.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
    print(f"{TABLE}: {len(shares)} shares of {instruction_set} stored")


def compare(instruction_set, shares):
    stored = json.loads(TABLE.read_text()).get(instruction_set, {}) if TABLE.exists() else {}
    ratios = {name: shares[name] / stored[name] for name in shares if name in stored}
    if not ratios:
        print(f"no shares of {instruction_set} are stored; --store keeps these")
        return
    print(f"{'share':>6} {'stored':>6} {'ratio':>6}  case ({instruction_set})")
    for name, ratio in ratios.items():
        verdict = "  SLOWER" if ratio < 1 - NOTICED else "  faster" if ratio > 1 + NOTICED else ""
        print(f"{shares[name]:6.2f} {stored[name]:6.2f} {ratio:6.2f}  {name}{verdict}")
    slower = sorted((ratio, name) for name, ratio in ratios.items() if ratio < 1 - NOTICED)
    mean = math.exp(sum(map(math.log, ratios.values())) / len(ratios))
    print(f"{len(slower)} of {len(ratios)} cases got slower by more than {100 * NOTICED:.0f}%; mean ratio {mean:.3f}")
    for ratio, name in slower:
        print(f"  {name}: {ratio:.2f} of the stored share")
    for name in sorted(stored.keys() - shares.keys()):
        print(f"  {name}: stored, but not measured")


def main():
    instruction_set, shares, errors = measured_shares(sys.argv[1])
    if "--store" in sys.argv[2:]:
        store(instruction_set, shares)
    else:
        compare(instruction_set, shares)
    for name, message in errors.items():
        print(f"WRONG ANSWERS, not timed: {name}: {message}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
