"""The update rules in NumPy float64, straight from Table 1 of Choi et al. (2019).

Independent of the package on purpose: plain sums and powers, nothing shared, nothing clever. Each
rule yields theta_1, theta_2, ... without end. `gradient` is a function of theta; `learning_rate`
and `momentum` are functions of t = 0, 1, 2, ...
"""

import itertools

import numpy as np


def sgd(theta, gradient, *, learning_rate):
    for t in itertools.count():
        theta = theta - learning_rate(t) * gradient(theta)
        yield theta


def momentum(theta, gradient, *, learning_rate, momentum, formulation="accumulator"):
    if formulation == "polyak":
        yield from _polyak(theta, gradient, learning_rate, momentum)
    v = np.zeros_like(theta)
    for t in itertools.count():
        v = momentum(t) * v + gradient(theta)
        theta = theta - learning_rate(t) * v
        yield theta


def _polyak(theta, gradient, learning_rate, momentum):
    """Section 3: theta_{t+1} = theta_t - eta_t g + gamma (theta_t - theta_{t-1})."""
    previous = theta
    for t in itertools.count():
        step = -learning_rate(t) * gradient(theta) + momentum(t) * (theta - previous)
        previous, theta = theta, theta + step
        yield theta


def nesterov(theta, gradient, *, learning_rate, momentum):
    v = np.zeros_like(theta)
    for t in itertools.count():
        g = gradient(theta)
        v = momentum(t) * v + g
        theta = theta - learning_rate(t) * (momentum(t) * v + g)
        yield theta


def rmsprop(theta, gradient, *, learning_rate, momentum, rho, epsilon):
    v = np.ones_like(theta)
    m = np.zeros_like(theta)
    for t in itertools.count():
        g = gradient(theta)
        v = rho * v + (1 - rho) * g**2
        m = momentum(t) * m + learning_rate(t) * g / np.sqrt(v + epsilon)
        theta = theta - m
        yield theta


def rmsterov(theta, gradient, *, learning_rate, momentum, rho, epsilon, formulation="polyak"):
    v = np.ones_like(theta)
    m = np.zeros_like(theta)
    for t in itertools.count():
        g = gradient(theta)
        v = rho * v + (1 - rho) * g**2
        inside = learning_rate(t) if formulation == "polyak" else 1.0
        outside = 1.0 if formulation == "polyak" else learning_rate(t)
        m = momentum(t) * m + inside * g / np.sqrt(v + epsilon)
        theta = theta - outside * (momentum(t) * m + inside * g / np.sqrt(v + epsilon))
        yield theta


def adam(theta, gradient, *, learning_rate, beta_1, beta_2, epsilon):
    m = np.zeros_like(theta)
    v = np.zeros_like(theta)
    for t in itertools.count():
        g = gradient(theta)
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        b = np.sqrt(1 - beta_2 ** (t + 1)) / (1 - beta_1 ** (t + 1))
        theta = theta - learning_rate(t) * b * m / (np.sqrt(v) + epsilon)
        yield theta


def nadam(theta, gradient, *, learning_rate, beta_1, beta_2, epsilon):
    m = np.zeros_like(theta)
    v = np.zeros_like(theta)
    for t in itertools.count():
        g = gradient(theta)
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        b = np.sqrt(1 - beta_2 ** (t + 1)) / (1 - beta_1 ** (t + 1))
        update = b * (beta_1 * m + (1 - beta_1) * g) / (np.sqrt(v) + epsilon)
        theta = theta - learning_rate(t) * update
        yield theta


RULES = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "rmsprop": rmsprop,
    "adam": adam,
    "nadam": nadam,
    "rmsterov": rmsterov,
}
