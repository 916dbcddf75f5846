"""diffrax as its continuous normalizing flow example uses it: one row's solve, vmapped over the rows."""

import diffrax
import jax
import jax.numpy as jnp

from .flow_case import LAYER_TENSORS, layer_name
from .with_jax import JaxStep, base_log_density


def field(weights, layers, x, t):
    for layer in range(layers):
        matrix, bias, gate_weight, gate_bias, shift = (weights[layer_name(layer, name)] for name in LAYER_TENSORS)
        x = (matrix @ x + bias) * jax.nn.sigmoid(gate_weight * t + gate_bias) + shift * t
        if layer + 1 < layers:
            x = jnp.tanh(x)
    return x


def prepare(case, adjoint=None):
    layers = case.layers

    def with_divergence(t, state, arguments):
        x, _ = state
        weights, probe = arguments
        value, pull_back = jax.vjp(lambda y: field(weights, layers, y, t), x)
        if probe is None:
            (jacobian,) = jax.vmap(pull_back)(jnp.eye(x.size))
            return value, jnp.trace(jacobian)
        (row,) = pull_back(probe)
        return value, jnp.sum(row * probe)

    def log_density(weights, x, probe):
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(with_divergence), diffrax.Tsit5(), 1.0, 0.0, -1.0 / case.steps, (x, 0.0), (weights, probe),
            adjoint=adjoint or diffrax.RecursiveCheckpointAdjoint(),
        )
        base, delta = (values[0] for values in solution.ys)
        return base_log_density(weights, base) + delta

    def loss(weights, rows, probes):
        axes = (None, 0, None if probes is None else 0)
        return -jnp.mean(jax.vmap(log_density, axes)(weights, rows, probes))

    return JaxStep(case, loss)
