"""Two log-log panels: seconds a training step against N and against w, one line a system."""

import math

from .case_list import TITLES

COLOURS = {"cnf_gpu": "#d62728", "cnf_gpu_adaptive": "#ff9896", "diffrax": "#1f77b4", "jax": "#17becf", "torch": "#2ca02c", "torchdiffeq": "#9467bd",
           "zuko": "#8c564b"}
WIDTH, HEIGHT, LEFT, TOP, PANEL, GAP, TALL = 900, 380, 62, 40, 300, 78, 270


def lines_of(sweep):
    """system -> [(size, seconds)], in the order of sizes."""
    lines = {}
    for case in sweep:
        size, _, steps = case["name"].split("=")[1].partition(", ")
        size = int(size)
        ours = "cnf_gpu_adaptive" if steps == "adaptive" else "cnf_gpu"
        lines.setdefault(ours, []).append((size, case["ours"]["median_s"]))
        for system, entry in case["peers"].items():
            if "error" not in entry:
                lines.setdefault(system, []).append((size, entry["median_s"]))
    return {system: sorted(points) for system, points in lines.items()}


def decades(values):
    return math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))


def panel(lines, left, title, low, high):
    sizes = sorted({size for points in lines.values() for size, _ in points})
    first, last = math.log(sizes[0]), math.log(sizes[-1])
    x = lambda size: left + PANEL * (math.log(size) - first) / max(last - first, 1e-9)
    y = lambda seconds: TOP + TALL * (high - math.log10(seconds)) / (high - low)
    parts = [f'<rect x="{left}" y="{TOP}" width="{PANEL}" height="{TALL}" fill="none" stroke="#999"/>',
             f'<text x="{left + PANEL / 2}" y="{TOP - 14}" text-anchor="middle" font-weight="bold">{title}</text>']
    for power in range(low, high + 1):
        height = y(10.0**power)
        parts.append(f'<path d="M{left} {height:.1f}h{PANEL}" stroke="#ddd"/>')
        label = {0: "1 s", -3: "1 ms"}.get(power, f"{10.0**power:g} s" if power > -3 else f"{10.0**(power + 3):g} ms")
        parts.append(f'<text x="{left - 6}" y="{height + 4:.1f}" text-anchor="end">{label}</text>')
    for size in sizes:
        parts.append(f'<text x="{x(size):.1f}" y="{TOP + TALL + 18}" text-anchor="middle">{size}</text>')
    for system, points in lines.items():
        path = " ".join(f"{x(size):.1f},{y(seconds):.1f}" for size, seconds in points)
        thick = 3 if system.startswith("cnf_gpu") else 1.6
        parts.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[system]}" stroke-width="{thick}"/>')
        parts += [f'<circle cx="{x(size):.1f}" cy="{y(seconds):.1f}" r="{thick + 0.6}" fill="{COLOURS[system]}"/>'
                  for size, seconds in points]
    return parts


def legend(systems, left):
    parts = []
    for i, system in enumerate(systems):
        height = TOP + 14 + 20 * i
        parts.append(f'<path d="M{left} {height}h18" stroke="{COLOURS[system]}" stroke-width="3"/>')
        parts.append(f'<text x="{left + 24}" y="{height + 4}">{TITLES[system]}</text>')
    return parts


def svg(results):
    over_rows = lines_of([case for case in results["sweeps"] if case["name"].startswith("N=")])
    over_width = lines_of([case for case in results["sweeps"] if case["name"].startswith("w=")])
    panels = [(lines, title) for lines, title in ((over_rows, "rows N (d=2, w=64, 3 hidden layers)"),
                                                  (over_width, "width w (N=512, d=2, 3 hidden layers)")) if lines]
    low, high = decades([s for lines, _ in panels for points in lines.values() for _, s in points])
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
             'font-size="12">', f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>']
    for i, (lines, title) in enumerate(panels):
        parts += panel(lines, LEFT + i * (PANEL + GAP), title, low, high)
    parts += legend(list(panels[0][0]), LEFT + 2 * PANEL + GAP + 24)
    caption = f"seconds a training step, 20 Tsit5 steps; adaptive, torchdiffeq, zuko: at 1e-5, {results['threads']} thread(s)"
    parts.append(f'<text x="{LEFT + PANEL + GAP / 2}" y="{HEIGHT - 14}" text-anchor="middle">{caption}</text>')
    return "\n".join(parts + ["</svg>"]) + "\n"
