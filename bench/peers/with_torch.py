"""torch by hand: a batched field with its tangents, a loop of Tsit5 steps, autograd through it."""

import math

import numpy
import torch

from .flow_case import LAYER_TENSORS, LEARNING_RATE, TSIT5_MATRIX, TSIT5_STAGES, TSIT5_WEIGHTS, layer_name


def base_log_density(weights, x):
    variance = torch.nn.functional.softplus(weights["base.raw_variance"])
    square = (x - weights["base.mean"]) ** 2 / variance
    return -0.5 * torch.sum(square + torch.log(2 * math.pi * variance), dim=-1)


def field_and_divergence(weights, layers, x, t, probes):
    """Tangents (N, D) along the probes, or (D, N, D) along every axis where there are none."""
    value = x
    tangent = probes
    for layer in range(layers):
        matrix, bias, gate_weight, gate_bias, shift = (weights[layer_name(layer, name)] for name in LAYER_TENSORS)
        gate = torch.sigmoid(gate_weight * t + gate_bias)
        value = torch.addmm(bias, value, matrix.T) * gate + shift * t
        tangent = (matrix.T.unsqueeze(1) if tangent is None else tangent @ matrix.T) * gate
        if layer + 1 < layers:
            value = torch.tanh(value)
            tangent = (1 - value**2) * tangent
    if probes is None:
        return value, torch.einsum("ini->n", tangent)
    return value, torch.sum(probes * tangent, dim=-1)


def weighted_sum(numbers, terms):
    total = numbers[0] * terms[0]
    for number, term in zip(numbers[1:], terms[1:]):
        total = torch.add(total, term, alpha=number)
    return total


def solve_to_base(evaluate, x, steps):
    size = -1.0 / steps
    delta = torch.zeros_like(x[:, 0])
    for number in range(steps):
        start = 1 + size * number
        slope, divergence = evaluate(x, start)
        slopes, divergences = [slope], [divergence]
        for fraction, row in zip(TSIT5_STAGES, TSIT5_MATRIX):
            inner = torch.add(x, weighted_sum(row, slopes), alpha=size)
            slope, divergence = evaluate(inner, start + size * fraction)
            slopes.append(slope)
            divergences.append(divergence)
        x = torch.add(x, weighted_sum(TSIT5_WEIGHTS, slopes), alpha=size)
        delta = torch.add(delta, weighted_sum(TSIT5_WEIGHTS, divergences), alpha=size)
    return x, delta


class TorchStep:
    """A loss, its gradient by autograd, and AdamW's update. log_density(weights, rows, probes) is a system's own."""

    def __init__(self, case, log_density):
        self.weights = {name: torch.tensor(array, requires_grad=True) for name, array in case.weights.items()}
        self.rows = torch.tensor(case.rows)
        self.probes = None if case.probes is None else torch.tensor(case.probes)
        self.of_rows = log_density
        self.optimiser = torch.optim.AdamW(self.weights.values(), lr=LEARNING_RATE)

    def loss_and_gradient(self):
        self.optimiser.zero_grad()
        loss = -self.of_rows(self.weights, self.rows, self.probes).mean()
        loss.backward()
        return loss.item(), {name: numpy.array(tensor.grad) for name, tensor in self.weights.items()}

    def train_step(self):
        self.optimiser.zero_grad()
        loss = -self.of_rows(self.weights, self.rows, self.probes).mean()
        loss.backward()
        self.optimiser.step()

    def log_density(self):
        with torch.no_grad():
            return self.of_rows(self.weights, self.rows, self.probes).numpy()


def prepare(case):
    def log_density(weights, rows, probes):
        evaluate = lambda x, t: field_and_divergence(weights, case.layers, x, t, probes)
        base, delta = solve_to_base(evaluate, rows, case.steps)
        return base_log_density(weights, base) + delta

    return TorchStep(case, log_density)
