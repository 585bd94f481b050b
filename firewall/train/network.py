"""The network: rows of a table summed per token, two convolutions, the strongest and the weighted mean, two layers."""

import functools
import math
import time

import jax
import jax.numpy as jnp
import numpy as np

DIM, HIDDEN, TOP = 32, 64, 32
NEAR, FAR = (-2, -1, 0, 1, 2), (-3, 0, 3)
LENGTHS = (16, 32, 64, 128, 256)
TOKENS = 8192  # of a batch


def begin(seed, rows):
    rng = np.random.default_rng(seed)
    he = lambda a, b: (rng.standard_normal((a, b)) * math.sqrt(2 / a)).astype(np.float32)
    return {
        "table": (rng.standard_normal((rows, DIM)) * 0.1).astype(np.float32),
        "w1": he(len(NEAR) * DIM, HIDDEN), "b1": np.zeros(HIDDEN, np.float32),
        "w2": he(len(FAR) * HIDDEN, HIDDEN) * 0.5, "b2": np.zeros(HIDDEN, np.float32),
        "wa": he(HIDDEN, 1) * 0.1,
        "w3": he(3 * HIDDEN, TOP), "b3": np.zeros(TOP, np.float32),
        "w4": he(TOP, 1) * 0.5, "b4": np.zeros(1, np.float32),
    }  # fmt: skip


def shifted(x, shifts):
    """Beside each token, its neighbours."""
    length, reach = x.shape[1], max(shifts)
    padded = jnp.pad(x, ((0, 0), (reach, reach), (0, 0)))
    return jnp.concatenate([padded[:, reach + s : reach + s + length] for s in shifts], -1)


def forward(p, features, inverse, mask, key=None):
    present = (features > 0)[..., None]
    unique = jnp.sum(p["table"][features] * present, 1)
    x = unique[inverse] * mask[..., None]
    near = jax.nn.relu(shifted(x, NEAR) @ p["w1"] + p["b1"]) * mask[..., None]
    far = jax.nn.relu(shifted(near, FAR) @ p["w2"] + p["b2"])
    h = near + far
    focus = (h @ p["wa"])[..., 0] + (mask - 1) * 1e4
    share = jax.nn.softmax(focus, -1)
    strongest = jnp.max(h - (1 - mask[..., None]) * 1e4, 1)
    weighted = jnp.sum(h * share[..., None], 1)
    mean = jnp.sum(h * mask[..., None], 1) / jnp.sum(mask, 1, keepdims=True)
    z = jnp.concatenate([strongest, weighted, mean], -1)
    if key is not None:
        z = z * jax.random.bernoulli(key, 0.8, z.shape) / 0.8
    top = jax.nn.relu(z @ p["w3"] + p["b3"])
    return (top @ p["w4"])[:, 0] + p["b4"][0]


def loss(p, features, inverse, mask, labels, weights, key):
    logits = forward(p, features, inverse, mask, key)
    soft = labels * 0.96 + 0.02
    each = jnp.maximum(logits, 0) - logits * soft + jnp.log1p(jnp.exp(-jnp.abs(logits)))
    return jnp.sum(each * weights) / jnp.maximum(jnp.sum(weights), 1e-6)


@functools.partial(jax.jit, donate_argnums=(0, 1, 2))
def step(p, m, v, count, rate, batch, key):
    value, grads = jax.value_and_grad(loss)(p, *batch, key)
    fix1, fix2 = 1 - 0.9**count, 1 - 0.98**count
    m = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g, m, grads)
    v = jax.tree.map(lambda a, g: 0.98 * a + 0.02 * g * g, v, grads)
    p = jax.tree.map(lambda w, a, b: w * (1 - rate * 0.01) - rate * (a / fix1) / (jnp.sqrt(b / fix2) + 1e-7), p, m, v)
    return p, m, v, value


logits_of = jax.jit(lambda p, features, inverse, mask: forward(p, features, inverse, mask))


class Batches:
    """Windows of tokens in batches of equal shape."""

    def __init__(self, features, rng):
        self.features, self.rng = features, rng

    def of(self, windows, shuffle):
        """Yields (positions, length, rows) of windows of like length."""
        lengths = np.array([len(w) for w in windows])
        groups = []
        for low, high in zip((0, *LENGTHS), LENGTHS):
            at = np.flatnonzero((lengths > low) & (lengths <= high))
            if shuffle:
                self.rng.shuffle(at)
            rows = TOKENS // high
            groups += [(at[i : i + rows], high, rows) for i in range(0, len(at), rows)]
        if shuffle:
            self.rng.shuffle(groups)
        return groups

    def arrays(self, windows, group, dropout):
        positions, length, rows = group
        tokens = np.zeros((rows, length), np.int32)
        mask = np.zeros((rows, length), np.float32)
        for i, position in enumerate(positions):
            window = windows[position]
            tokens[i, : len(window)] = window
            mask[i, : len(window)] = 1
        mask[len(positions) :, 0] = 1
        if dropout:
            tokens[self.rng.random(tokens.shape) < 0.03] = 0
        unique, inverse = np.unique(tokens, return_inverse=True)
        features = np.zeros((TOKENS, self.features.shape[1]), np.int32)
        chosen = self.features[unique]
        if dropout:
            drop = self.rng.random(chosen.shape) < np.array([0.2] + [0.1] * (chosen.shape[1] - 1))
            chosen = np.where(drop, 0, chosen)
        features[: len(unique)] = chosen
        return features, inverse.reshape(tokens.shape).astype(np.int32), mask


class Trainer:
    def __init__(self, features, rows, seed, total):
        self.rng = np.random.default_rng(seed)
        self.p = jax.tree.map(jnp.asarray, begin(seed, rows))
        self.m, self.v = (jax.tree.map(jnp.zeros_like, self.p) for _ in range(2))
        self.batches = Batches(features, self.rng)
        self.count, self.total, self.key = 0, total, jax.random.key(seed)

    def epoch(self, samples, rate, until):
        """One pass over (tokens, label, weight); `until` is the share of all epochs that is then done."""
        windows = [self._crop(tokens, label) for tokens, label, _ in samples]
        labels = np.array([s[1] for s in samples], np.float32)
        weights = np.array([s[2] for s in samples], np.float32)
        groups = self.batches.of(windows, True)
        since, value, start = time.time(), 0.0, until[0]
        for n, group in enumerate(groups):
            done = start + (until[1] - start) * n / len(groups)
            now = rate * min(1, (self.count + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
            arrays = self.batches.arrays(windows, group, True)
            label, weight = np.zeros(group[2], np.float32), np.zeros(group[2], np.float32)
            label[: len(group[0])], weight[: len(group[0])] = labels[group[0]], weights[group[0]]
            self.count += 1
            self.key, key = jax.random.split(self.key)
            self.p, self.m, self.v, one = step(self.p, self.m, self.v, self.count, now, (*arrays, label, weight), key)
            if n % 50 == 0:
                value = 0.7 * value + 0.3 * float(one) if n else float(one)
            if n % 250 == 0:
                print(f"  {n}/{len(groups)} loss {value:.4f} {time.time() - since:.0f} s", flush=True)

    def _crop(self, tokens, label):
        if len(tokens) <= LENGTHS[-1]:
            return tokens
        start = 0 if label == 1 else int(self.rng.integers(0, len(tokens) - LENGTHS[-1] + 1))
        return tokens[start : start + LENGTHS[-1]]

    def logits(self, windows):
        return logits(self.p, self.batches, windows)


def logits(p, batches, windows):
    out = np.zeros(len(windows), np.float32)
    for group in batches.of(windows, False):
        found = np.asarray(logits_of(p, *batches.arrays(windows, group, False)))
        out[group[0]] = found[: len(group[0])]
    return out
