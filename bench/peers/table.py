"""The table of ratios as Markdown."""

from .case_list import TITLES


def seconds_text(seconds):
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def ratio_text(entry):
    if entry is None:
        return ""
    if "error" in entry:
        return "failed"
    return f"{entry['ratio']:.3g}x ({seconds_text(entry['median_s'])}, {100 * entry['spread']:.0f}%)"


def failures(results):
    for case in results["cases"] + results["sweeps"]:
        for system, entry in case["peers"].items():
            if "error" in entry:
                yield f"- {case['name']}, {TITLES[system]}: {entry['error']}"


def markdown(results):
    cases = results["cases"] + results["sweeps"]
    systems = [system for system in TITLES if any(system in case["peers"] for case in cases)]
    lines = [
        "# Beside its peers",
        "",
        f"Written by `scripts/bench`: {results['threads']} thread(s) of one machine, float32"
        + (f", {cases[0]['instruction_set']}" if cases else "") + ". [bench/README.md](../bench/README.md) says what is",
        "timed. A peer's column: its time over that of cnf_gpu taken in turn with it, its median seconds, and the width of",
        "the middle half of its runs over their median. Losses and gradients agreed before anything was timed.",
        "",
        "| case | cnf_gpu | spread | share of peak |" + "".join(f" {TITLES[system]} |" for system in systems),
        "| --- | --- | --- | --- |" + " --- |" * len(systems),
    ]
    for case in cases:
        ours = case["ours"]
        lines.append(
            f"| {case['name']} | {seconds_text(ours['median_s'])} | {100 * ours['spread']:.0f}% |"
            f" {100 * ours['share']:.0f}% |" + "".join(f" {ratio_text(case['peers'].get(s))} |" for s in systems))
    failed = list(failures(results))
    if failed:
        lines += ["", "Failed:", "", *failed]
    return "\n".join(lines) + "\n"
