"""Heads on frozen features with PyTorch.

loop: nn.Linear, autograd and optim.Adadelta, a head at a time, a process a core.
manual: the same with the gradient and the update written out.
exact: all heads of one size at once by batched products; each has minibatches of its own rows.
shared: the heads see the same rows in every step, 128 of each head's on average, so that their
products become one; an easier job.
"""

import multiprocessing

import job
import numpy as np
import torch
from torch import nn


def adadelta(state, gradient):
    """Keras's form, in place; the state is (weights, mean squared gradient, ~ update)."""
    weights, squares, updates = state
    squares.mul_(job.RHO).addcmul_(gradient, gradient, value=1 - job.RHO)
    update = (updates + job.EPSILON).div_(squares + job.EPSILON).sqrt_().mul_(gradient)
    updates.mul_(job.RHO).addcmul_(update, update, value=1 - job.RHO)
    weights.sub_(update)


def with_state(values):
    weights = torch.as_tensor(values, dtype=torch.float32).contiguous()
    return weights, torch.zeros_like(weights), torch.zeros_like(weights)


def drop(rows, random):
    """Dropout of a half in place: one random bit a feature, as nn.Dropout dominates a step."""
    words = random.integers(0, 2**64, size=rows.numel() // 64, dtype=np.uint64)
    bits = torch.from_numpy(np.unpackbits(words.view(np.uint8)))
    return rows.mul_(bits.view(rows.shape)).mul_(2)


def own_rows(features, labels, classes):
    """A head's rows, and their labels counted within its classes."""
    indices = torch.isin(labels, torch.tensor(classes)).nonzero().squeeze(1)
    return features[indices], torch.searchsorted(torch.tensor(classes), labels[indices])


def seed_of(seed, classes):
    # Of its own for every head: the same initial weights would make errors alike.
    return [seed, sum(1 << c for c in classes)]


def train_loop(features, labels, classes, epochs, seed):
    torch.manual_seed(hash(tuple(seed_of(seed, classes))) & 0xFFFFFFFF)
    rows, truth = own_rows(features, labels, classes)
    layer = nn.Linear(job.FEATURES, len(classes))
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    optimiser = torch.optim.Adadelta(layer.parameters(), lr=1.0, rho=job.RHO, eps=job.EPSILON)
    for _ in range(epochs):
        order = torch.randperm(len(rows))
        for x, y in zip(rows[order].split(job.BATCH), truth[order].split(job.BATCH)):
            optimiser.zero_grad(set_to_none=True)
            outputs = layer(nn.functional.dropout(x, job.DROPOUT))
            nn.functional.cross_entropy(outputs, y).backward()
            optimiser.step()
    return layer.weight.detach().T.numpy().copy(), layer.bias.detach().numpy().copy()


@torch.no_grad()
def train_manual(features, labels, classes, epochs, seed):
    random = np.random.default_rng(seed_of(seed, classes))
    rows, truth = own_rows(features, labels, classes)
    truth = nn.functional.one_hot(truth, len(classes)).float()
    # The bias is the weight of a feature that is always 1 and never dropped.
    rows = torch.cat([rows, torch.ones(len(rows), 1)], 1)
    weights = job.glorot(random, len(classes), (job.FEATURES + 1, len(classes)))
    weights[-1] = 0
    state = with_state(weights)
    for _ in range(epochs):
        order = torch.from_numpy(random.permutation(len(rows)))
        permuted = rows[order]
        permuted[:, :-1] = drop(permuted[:, :-1].contiguous(), random)
        for x, y in zip(permuted.split(job.BATCH), truth[order].split(job.BATCH)):
            errors = torch.softmax(x @ state[0], 1).sub_(y)
            adadelta(state, (x.T @ errors).div_(len(x)))
    return state[0][:-1].numpy().copy(), state[0][-1].numpy().copy()


@torch.no_grad()
def train_exact(features, labels, class_sets, epochs, seed):
    size, count = len(class_sets[0]), len(class_sets)
    random = np.random.default_rng([seed, size])
    classes = torch.tensor(class_sets)
    member = torch.zeros(count, job.CLASSES, dtype=torch.bool).scatter_(1, classes, True)
    weights = with_state(job.glorot(random, size, (count, job.FEATURES, size)))
    biases = with_state(np.zeros((count, 1, size)))
    longest = int((member.float() @ torch.bincount(labels, minlength=job.CLASSES).float()).max())
    for _ in range(epochs):
        order = torch.from_numpy(random.permutation(len(labels)))
        # A mask for each row and epoch, which all heads share, as ours do.
        masked = drop(features.clone(), random)
        indices = torch.full((count, longest), -1)
        for head in range(count):
            own = order[member[head][labels[order]]]
            indices[head, : len(own)] = own
        for part in indices.split(job.BATCH, 1):
            present = part >= 0
            live = present.any(1).nonzero().squeeze(1)
            part = part.clamp_min(0)
            x = masked[part]
            errors = torch.softmax(torch.baddbmm(biases[0], x, weights[0]), 2)
            errors.sub_((classes[:, None, :] == labels[part][:, :, None]).float())
            errors.mul_((present / present.sum(1, keepdim=True).clamp_min(1))[:, :, None])
            gradients = torch.bmm(x.transpose(1, 2), errors), errors.sum(1, keepdim=True)
            for state, gradient in zip((weights, biases), gradients):
                if len(live) == count:
                    adadelta(state, gradient)
                    continue
                # Heads whose rows are used up rest until the epoch ends.
                some = tuple(value[live] for value in state)
                adadelta(some, gradient[live])
                for value, changed in zip(state, some):
                    value[live] = changed
    return list(zip(weights[0].numpy(), biases[0][:, 0].numpy()))


@torch.no_grad()
def train_shared(features, labels, class_sets, epochs, seed):
    size, count = len(class_sets[0]), len(class_sets)
    random = np.random.default_rng([seed, size])
    classes = torch.tensor(class_sets)
    member = torch.zeros(job.CLASSES, count).scatter_(0, classes.T, 1.0)
    weights = with_state(job.glorot(random, size, (job.FEATURES, count * size)))
    biases = with_state(np.zeros(count * size))
    for _ in range(epochs):
        order = torch.from_numpy(random.permutation(len(labels)))
        for part in order.split(round(job.BATCH * job.CLASSES / size)):
            x, y = drop(features[part], random), labels[part]
            outputs = torch.addmm(biases[0], x, weights[0]).view(-1, count, size)
            errors = torch.softmax(outputs, 2).sub_((classes[None] == y[:, None, None]).float())
            own = member[y]
            errors.mul_((own / own.sum(0).clamp_min(1))[:, :, None])
            errors = errors.view(-1, count * size)
            adadelta(weights, x.T @ errors)
            adadelta(biases, errors.sum(0))
    return list(
        zip(
            weights[0].view(-1, count, size).transpose(0, 1).numpy(),
            biases[0].view(count, size).numpy(),
        )
    )


# What the processes of the per-head kinds inherit.
inherited = {}


def train_one(classes):
    torch.set_num_threads(1)
    work = inherited
    return work["train"](work["features"], work["labels"], classes, work["epochs"], work["seed"])


def main():
    options = job.arguments(["loop", "manual", "exact", "shared"])
    rows = job.features(options.features)
    features, labels = torch.from_numpy(rows.train), torch.from_numpy(rows.labels)
    class_sets = job.sample(job.subsets(options.heads), options.sample)
    per_head = {"loop": train_loop, "manual": train_manual}.get(options.kind)
    batched = {"exact": train_exact, "shared": train_shared}.get(options.kind)

    def one_by_one(class_sets, epochs):
        inherited.update(
            train=per_head, features=features, labels=labels, epochs=epochs, seed=options.seed
        )
        with multiprocessing.get_context("fork").Pool(options.threads) as pool:
            # The large ones first, so that all processes end together.
            trained = pool.map(train_one, class_sets[::-1], chunksize=1)
            pool.close()
            pool.join()
        return dict(zip(class_sets[::-1], trained))

    def all_sizes(class_sets, epochs):
        heads = {}
        for size in sorted({len(classes) for classes in class_sets}):
            group = [classes for classes in class_sets if len(classes) == size]
            heads |= zip(group, batched(features, labels, group, epochs, options.seed))
        return heads

    if per_head:
        torch.set_num_threads(1)
        run = one_by_one
    else:
        torch.set_num_threads(options.threads)
        run = all_sizes
        run(class_sets[:45], 1)
    seconds, heads = job.timed(lambda: run(class_sets, options.epochs))
    job.report(job.head_figure(options, rows, seconds, heads, class_sets))


main()
