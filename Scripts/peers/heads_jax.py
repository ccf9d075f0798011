"""Heads on frozen features with JAX: all heads of one size in one compiled scan over an epoch.

exact: one head's step, vmapped over the heads; each has minibatches of its own rows, as ours do.
shared: the heads see the same rows in every step, 128 of each head's on average, so that their
products become one; an easier job.
"""

from functools import partial

import jax
import jax.numpy as jnp
import job
import numpy as np

# The default generator takes most of the time on a CPU.
jax.config.update("jax_default_prng_impl", "unsafe_rbg")


def dropped(key, rows):
    """Rows after dropout of a half: one random bit a feature, where bernoulli() draws 32."""
    bits = jax.random.bits(key, (rows.shape[0], rows.shape[1] // 32), jnp.uint32)
    keeps = (bits[:, :, None] >> jnp.arange(32, dtype=jnp.uint32)) & 1
    return rows * (2 * keeps.reshape(rows.shape)).astype(rows.dtype)


def adadelta(state, gradient):
    """Keras's form; the state is (weights, mean squared gradient, mean squared update)."""
    weights, squares, updates = state
    squares = job.RHO * squares + (1 - job.RHO) * gradient * gradient
    update = jnp.sqrt((updates + job.EPSILON) / (squares + job.EPSILON)) * gradient
    updates = job.RHO * updates + (1 - job.RHO) * update * update
    return weights - update, squares, updates


def head_step(weights, biases, classes, indices, features, labels):
    """One head and one minibatch; an index of -1 is no row. weights: [class, feature]."""
    present = indices >= 0
    count = present.sum()
    rows = features[jnp.maximum(indices, 0)]
    truth = classes[None] == labels[jnp.maximum(indices, 0)][:, None]
    errors = jax.nn.softmax(rows @ weights[0].T + biases[0]) - truth
    errors = errors * (present / jnp.maximum(count, 1))[:, None]

    def update(state, gradient):
        # A head whose rows are used up rests until the epoch ends.
        return jax.tree.map(
            lambda new, old: jnp.where(count > 0, new, old), adadelta(state, gradient), state
        )

    return update(weights, errors.T @ rows), update(biases, errors.sum(0))


@partial(jax.jit, donate_argnums=(0,))
def exact_epoch(state, classes, order, features, labels, key):
    """order: [step, head, row of the minibatch]."""
    # A mask for each row and epoch, which all heads share, as ours do.
    features = dropped(key, features)
    step = jax.vmap(head_step, in_axes=(0, 0, 0, 0, None, None))
    return jax.lax.scan(
        lambda state, indices: (step(*state, classes, indices, features, labels), None),
        state,
        order,
    )[0]


@partial(jax.jit, donate_argnums=(0,))
def shared_epoch(state, classes, order, features, labels, key):
    """order: [step, row of the minibatch]; weights: [feature, class, head], so that the softmax
    over a head's classes runs along the heads."""
    size, count = classes.shape
    belongs = (classes[:, :, None] == jnp.arange(job.CLASSES)).any(0).T.astype(jnp.float32)

    def step(state, scanned):
        weights, biases = state
        indices, key = scanned
        present = (indices >= 0).astype(jnp.float32)
        rows = dropped(key, features[jnp.maximum(indices, 0)])
        truth = labels[jnp.maximum(indices, 0)]
        outputs = (rows @ weights[0].reshape(-1, size * count)).reshape(-1, size, count)
        outputs = outputs + biases[0]
        odds = jnp.exp(outputs - outputs.max(1, keepdims=True))
        member = belongs[truth] * present[:, None]
        scale = (member / jnp.maximum(member.sum(0), 1))[:, None, :]
        errors = odds / odds.sum(1, keepdims=True) - (classes[None] == truth[:, None, None])
        errors = errors * scale
        gradient = (rows.T @ errors.reshape(-1, size * count)).reshape(-1, size, count)
        return (adadelta(weights, gradient), adadelta(biases, errors.sum(0))), None

    keys = jax.random.split(key, order.shape[0])
    return jax.lax.scan(step, state, (order, keys))[0]


def padded(indices, size):
    return np.pad(indices, (0, size - len(indices)), constant_values=-1)


def train(kind, class_sets, features, labels, epochs, seed):
    """Trains the heads of one size; returns them as job.accuracies takes them."""
    random = np.random.default_rng([seed, len(class_sets[0])])
    size, count = len(class_sets[0]), len(class_sets)
    classes = np.array(class_sets, np.int32)
    member = np.zeros((count, job.CLASSES), bool)
    np.put_along_axis(member, classes, True, 1)
    weights, biases = job.glorot(random, size, (count, size, job.FEATURES)), np.zeros((count, size))
    known = np.asarray(labels)
    if kind == "shared":
        weights, biases, classes = weights.transpose(2, 1, 0), biases.T, classes.T
        batch = round(job.BATCH * job.CLASSES / size)
        steps = -(-len(known) // batch)
    else:
        batch = job.BATCH
        steps = -(-int((member @ np.bincount(known, minlength=job.CLASSES)).max()) // batch)
    weights, biases = jnp.asarray(weights), jnp.asarray(biases, jnp.float32)
    state = tuple(
        (value, jnp.zeros_like(value), jnp.zeros_like(value)) for value in (weights, biases)
    )
    key = jax.random.key(seed)
    for epoch in range(epochs):
        rows = random.permutation(len(known)).astype(np.int32)
        if kind == "shared":
            order = padded(rows, steps * batch).reshape(steps, batch)
            run = shared_epoch
        else:
            own = [padded(rows[has[known[rows]]], steps * batch) for has in member]
            order = np.stack(own).reshape(count, steps, batch).transpose(1, 0, 2)
            run = exact_epoch
        state = run(state, classes, order, features, labels, jax.random.fold_in(key, epoch))
    weights, biases = np.asarray(state[0][0]), np.asarray(state[1][0])
    if kind == "shared":
        weights, biases = weights.transpose(2, 0, 1), biases.T
    else:
        weights = weights.transpose(0, 2, 1)
    return dict(zip(class_sets, zip(weights, biases)))


def main():
    options = job.arguments(["exact", "shared"])
    rows = job.features(options.features)
    features, labels = jnp.asarray(rows.train), jnp.asarray(rows.labels, jnp.int32)
    class_sets = job.subsets(options.heads)

    def all_sizes(epochs):
        heads = {}
        for size in sorted({len(classes) for classes in class_sets}):
            group = [classes for classes in class_sets if len(classes) == size]
            heads |= train(options.kind, group, features, labels, epochs, options.seed)
        return heads

    # Compiles everything: an epoch of each shape.
    compiling, _ = job.timed(lambda: all_sizes(1), repeats=1)
    seconds, heads = job.timed(lambda: all_sizes(options.epochs))
    job.report(
        job.head_figure(
            options, rows, seconds, heads, compile_seconds=compiling - seconds / options.epochs
        )
    )


main()
