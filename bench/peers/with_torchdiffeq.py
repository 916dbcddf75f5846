"""torchdiffeq's dopri5, autograd through its steps; the divergence by autograd too, as in FFJORD."""

import torch
import torchdiffeq

from .flow_case import LAYER_TENSORS, layer_name
from .with_torch import TorchStep, base_log_density


def field(weights, layers, x, t):
    for layer in range(layers):
        matrix, bias, gate_weight, gate_bias, shift = (weights[layer_name(layer, name)] for name in LAYER_TENSORS)
        x = torch.addmm(bias, x, matrix.T) * torch.sigmoid(gate_weight * t + gate_bias) + shift * t
        if layer + 1 < layers:
            x = torch.tanh(x)
    return x


def divergence_of(value, x, probes, create_graph):
    if probes is not None:
        (row,) = torch.autograd.grad(value, x, probes, create_graph=create_graph)
        return torch.sum(row * probes, dim=-1)
    total = 0
    for axis in range(x.shape[1]):
        (row,) = torch.autograd.grad(value[:, axis].sum(), x, create_graph=create_graph, retain_graph=True)
        total = total + row[:, axis]
    return total


class Dynamics(torch.nn.Module):
    def __init__(self, weights, layers, probes):
        super().__init__()
        self.weights, self.layers, self.probes = weights, layers, probes

    def forward(self, t, state):
        create_graph = torch.is_grad_enabled()
        with torch.enable_grad():
            x = state[0] if state[0].requires_grad else state[0].detach().requires_grad_()
            value = field(self.weights, self.layers, x, t)
            divergence = divergence_of(value, x, self.probes, create_graph)
        return (value, divergence) if create_graph else (value.detach(), divergence.detach())


def prepare(case, with_adjoint=False):
    times = torch.tensor([1.0, 0.0])
    options = {"rtol": case.tolerance, "atol": case.tolerance, "method": "dopri5"}

    def log_density(weights, rows, probes):
        dynamics = Dynamics(weights, case.layers, probes)
        state = (rows, torch.zeros_like(rows[:, 0]))
        if with_adjoint:
            parameters = tuple(tensor for name, tensor in weights.items() if not name.startswith("base."))
            base, delta = torchdiffeq.odeint_adjoint(dynamics, state, times, adjoint_params=parameters, **options)
        else:
            base, delta = torchdiffeq.odeint(dynamics, state, times, **options)
        return base_log_density(weights, base[-1]) + delta[-1]

    return TorchStep(case, log_density)
