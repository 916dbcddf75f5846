"""JAX by hand: a batched field with its tangents, Tsit5 in a scan, reverse mode through it."""

import jax
import jax.numpy as jnp
import numpy
import optax

from .flow_case import LAYER_TENSORS, LEARNING_RATE, TSIT5_MATRIX, TSIT5_STAGES, TSIT5_WEIGHTS, layer_name


def base_log_density(weights, x):
    variance = jax.nn.softplus(weights["base.raw_variance"])
    square = (x - weights["base.mean"]) ** 2 / variance
    return -0.5 * jnp.sum(square + jnp.log(2 * jnp.pi * variance), axis=-1)


def field_and_divergence(weights, layers, x, t, probes):
    """Tangents (N, D) along the probes, or (D, N, D) along every axis where there are none."""
    value = x
    tangent = probes
    for layer in range(layers):
        matrix, bias, gate_weight, gate_bias, shift = (weights[layer_name(layer, name)] for name in LAYER_TENSORS)
        gate = jax.nn.sigmoid(gate_weight * t + gate_bias)
        value = (value @ matrix.T + bias) * gate + shift * t
        # The first layer's tangents along the axes are the columns of its matrix.
        tangent = (matrix.T[:, None, :] if tangent is None else tangent @ matrix.T) * gate
        if layer + 1 < layers:
            value = jnp.tanh(value)
            tangent = (1 - value**2) * tangent
    divergence = jnp.einsum("ini->n", tangent) if probes is None else jnp.sum(probes * tangent, axis=-1)
    return value, divergence


def solve_to_base(evaluate, x, steps):
    size = -1.0 / steps

    def step(state, number):
        x, delta = state
        start = 1 + size * number
        slopes = [evaluate(x, start)]
        for fraction, row in zip(TSIT5_STAGES, TSIT5_MATRIX):
            inner = x + size * sum(a * slope for a, (slope, _) in zip(row, slopes))
            slopes.append(evaluate(inner, start + size * fraction))
        x = x + size * sum(b * slope for b, (slope, _) in zip(TSIT5_WEIGHTS, slopes))
        delta = delta + size * sum(b * divergence for b, (_, divergence) in zip(TSIT5_WEIGHTS, slopes))
        return (x, delta), None

    (x, delta), _ = jax.lax.scan(step, (x, jnp.zeros(x.shape[0])), jnp.arange(steps, dtype=x.dtype))
    return x, delta


class JaxStep:
    """A loss with its gradient and AdamW's update, compiled together."""

    def __init__(self, case, loss):
        self.weights = {name: jnp.asarray(array) for name, array in case.weights.items()}
        self.rows = jnp.asarray(case.rows)
        self.probes = None if case.probes is None else jnp.asarray(case.probes)
        self.value_and_gradient = jax.jit(jax.value_and_grad(loss))
        optimiser = optax.adamw(LEARNING_RATE)
        self.state = optimiser.init(self.weights)

        @jax.jit
        def step(weights, state, rows, probes):
            value, gradient = jax.value_and_grad(loss)(weights, rows, probes)
            updates, state = optimiser.update(gradient, state, weights)
            return value, optax.apply_updates(weights, updates), state

        self.step = step

    def loss_and_gradient(self):
        value, gradient = self.value_and_gradient(self.weights, self.rows, self.probes)
        return float(value), {name: numpy.asarray(array) for name, array in gradient.items()}

    def train_step(self):
        result = self.step(self.weights, self.state, self.rows, self.probes)
        _, self.weights, self.state = jax.block_until_ready(result)


def prepare(case):
    layers = case.layers

    def loss(weights, rows, probes):
        evaluate = lambda x, t: field_and_divergence(weights, layers, x, t, probes)
        base, delta = solve_to_base(evaluate, rows, case.steps)
        return -jnp.mean(base_log_density(weights, base) + delta)

    return JaxStep(case, loss)
