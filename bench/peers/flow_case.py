"""A case as every peer gets it: a model file of ours, rows, probes, and how to solve."""

import dataclasses
import json
import pathlib

import numpy
import safetensors.numpy

TSIT5_STAGES = (0.161, 0.327, 0.9, 0.98002554090450966, 1.0)  # c_2 ... c_6
TSIT5_MATRIX = (
    (0.161,),
    (-0.0084806554923569887, 0.335480655492357),
    (2.8971530571054935, -6.3594484899750752, 4.3622954328695815),
    (5.3258648284392569, -11.748883564062828, 7.4955393428898365, -0.092495066361755252),
    (5.8614554429464203, -12.92096931784711, 8.1593678985761589, -0.071584973281400996, -0.028269050394068383),
)
TSIT5_WEIGHTS = (
    0.09646076681806523,
    0.01,
    0.4798896504144996,
    1.3790085741037419,
    -3.2900695154360808,
    2.3247105240997739,
)
LAYER_TENSORS = ("linear.weight", "linear.bias", "gate.weight", "gate.bias", "shift.weight")
LEARNING_RATE = 1e-6  # a step's cost is the same at any rate, and the flow stays where it is


@dataclasses.dataclass
class FlowCase:
    weights: dict  # tensor name -> float32 array
    rows: numpy.ndarray  # (N, D) float32
    probes: numpy.ndarray | None  # (N, D) float32; None: the exact divergence
    steps: int  # equal Tsit5 steps from t = 1 to t = 0
    tolerance: float  # rtol = atol of systems and cases with adaptive steps
    threads: int

    @property
    def layers(self):
        return sum(name.endswith("linear.weight") for name in self.weights)

    @staticmethod
    def read(folder, threads, divergence):
        folder = pathlib.Path(folder)
        settings = json.loads((folder / "case.json").read_text())
        return FlowCase(
            weights=safetensors.numpy.load_file(folder / "model.safetensors"),
            rows=numpy.load(folder / "rows.npy").astype(numpy.float32),
            probes=numpy.load(folder / "probes.npy") if divergence == "hutchinson" else None,
            steps=settings["steps"],
            tolerance=settings["tolerance"],
            threads=threads,
        )


def layer_name(layer, tensor):
    return f"flows.0.layers.{layer}.{tensor}"
