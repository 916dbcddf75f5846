"""What is compared: shapes, works and systems, and the files that every system reads."""

import dataclasses
import json
import pathlib
import subprocess

import numpy

STEPS = 20
TOLERANCE = 1e-5
BY_EQUAL_STEPS = ("diffrax", "diffrax_backsolve", "jax", "torch")
BY_ADAPTIVE_STEPS = ("torchdiffeq", "torchdiffeq_adjoint", "zuko")
TITLES = {
    "cnf_gpu": "cnf_gpu",
    "cnf_gpu_adaptive": "cnf_gpu, adaptive",
    "diffrax": "diffrax",
    "diffrax_backsolve": "diffrax, backsolve",
    "jax": "JAX by hand",
    "torch": "torch by hand",
    "torchdiffeq": "torchdiffeq",
    "torchdiffeq_adjoint": "torchdiffeq, adjoint",
    "zuko": "zuko",
}


@dataclasses.dataclass(frozen=True)
class Comparison:
    name: str
    rows: int
    dim: int
    width: int
    depth: int
    ours: str  # our divergence
    theirs: str  # the peers'
    systems: tuple = BY_EQUAL_STEPS + BY_ADAPTIVE_STEPS
    work: str = "train"
    adjoint: str = "checkpoint"
    adaptive: bool = False  # our solve as well

    def bound(self, system):
        """How far a loss or gradient may be from ours, over its largest entry."""
        if system in BY_EQUAL_STEPS and not self.adaptive:
            return 1e-3  # float32 in another order of sums, over 120 evaluations there and back
        return 2e-2  # a tolerance bounds a step's error, and a gradient gathers many steps' errors


def comparisons():
    shapes = {
        "notebook": (1000, 4, 4, 3),
        "toy": (512, 2, 64, 3),
        "POWER-like": (10000, 6, 60, 3),
        "MINIBOONE-like, one hidden": (1000, 43, 860, 1),
        "MINIBOONE-like, two hidden": (1000, 43, 860, 2),
        "galaxies": (500, 7, 64, 3),
    }
    everywhere = ("exact", "exact")
    probed = ("hutchinson", "hutchinson")
    adjoint = ("torchdiffeq_adjoint", "torchdiffeq", "zuko")
    # diffrax's backsolve carries every row's own parameter gradient: minutes a step, but for the notebook's few weights.
    wide = tuple(system for system in BY_EQUAL_STEPS if system != "diffrax_backsolve")
    narrow = wide + BY_ADAPTIVE_STEPS
    return [
        Comparison("notebook, exact", *shapes["notebook"], *everywhere),
        Comparison("notebook, Hutchinson", *shapes["notebook"], *probed),
        Comparison("toy", *shapes["toy"], *probed, narrow),
        Comparison("galaxies", *shapes["galaxies"], *probed, narrow),
        Comparison("POWER-like", *shapes["POWER-like"], *probed, wide),
        Comparison("MINIBOONE-like, one hidden", *shapes["MINIBOONE-like, one hidden"], "exact", "hutchinson", wide),
        Comparison("MINIBOONE-like, two hidden", *shapes["MINIBOONE-like, two hidden"], *probed, wide),
        Comparison("adaptive, notebook", *shapes["notebook"], *everywhere, adjoint, adaptive=True),
        Comparison("adaptive, toy", *shapes["toy"], *everywhere, adjoint, adaptive=True),
        Comparison("adaptive backsolve, notebook", *shapes["notebook"], *everywhere, adjoint[:1], adjoint="backsolve",
                   adaptive=True),
        Comparison("adaptive backsolve, toy", *shapes["toy"], *everywhere, adjoint[:1], adjoint="backsolve",
                   adaptive=True),
        Comparison("adaptive logprob, 100,000 galaxies", 100000, 7, 64, 3, *everywhere, adjoint[1:2], "logprob",
                   adaptive=True),
    ]


def sweeps():
    """Training steps with one size of the toy changed: by equal steps, and by adaptive ones beside the systems that have
    no others."""
    result = []
    for adaptive, systems in ((False, ("diffrax", "jax", "torch")), (True, ("torchdiffeq", "zuko"))):
        over = lambda size, rows, width: Comparison(
            f"{size}, adaptive" if adaptive else size, rows, 2, width, 3, "hutchinson", "hutchinson", systems,
            adaptive=adaptive)
        result += [over(f"N={rows}", rows, 64) for rows in (16, 64, 256, 1024, 4096)]
        result += [over(f"w={width}", 512, width) for width in (8, 16, 32, 64, 128, 256)]
    return result


def write_rows(comparison, path, program):
    if comparison.dim == 4:
        subprocess.run([program, "generate", "gaussian", "-n", str(comparison.rows), "-o", path], check=True)
    else:
        numpy.save(path, numpy.random.default_rng(1).standard_normal((comparison.rows, comparison.dim), numpy.float32))


def prepare_folder(comparison, folder, program, threads):
    """The folder that every system reads: model, rows, probes, our gradient. The model is a few updates old, so that no
    gradient entry is zero for symmetry and none is small for being trained."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rows, model = folder / "rows.npy", folder / "model.safetensors"
    write_rows(comparison, rows, program)
    probes = numpy.random.default_rng(2).standard_normal((comparison.rows, comparison.dim), numpy.float32)
    numpy.save(folder / "probes.npy", probes)
    common = ["--threads", str(threads), "--device", "cpu"]
    few = folder / "few.npy"
    numpy.save(few, numpy.load(rows)[:500])
    subprocess.run(
        [program, "train", few, "--out", folder / "run", "--force", "--epochs", "5", "--steps", str(STEPS), "--quiet",
         "--width", str(comparison.width), "--depth", str(comparison.depth), "--divergence", "hutchinson",
         "--report-html", "off", *common], check=True)
    (folder / "run" / "model.safetensors").replace(model)
    solve = ["--rtol", str(TOLERANCE), "--atol", str(TOLERANCE)] if comparison.adaptive else ["--steps", str(STEPS)]
    ask = [program, "gradient", model, rows, *solve, "--divergence", comparison.theirs,
           "-o", folder / f"gradient-{comparison.theirs}.safetensors", "--adjoint", comparison.adjoint, *common]
    if comparison.theirs == "hutchinson":
        ask += ["--probe-file", folder / "probes.npy"]
    subprocess.run(ask, check=True)
    (folder / "case.json").write_text(json.dumps({"steps": STEPS, "tolerance": TOLERANCE}))
    return folder
