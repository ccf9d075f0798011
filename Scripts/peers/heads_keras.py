"""Heads with Keras as the post trains them: for each a new model and its own fit().

features: a model on the cached features. whole: the frozen backbone inside of every model, on the
images, as in the post. A few heads are trained; the rest follows from seconds a head and a step.
"""

import os
import time

import job
import numpy as np

options = job.arguments(["features", "whole"])
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras  # noqa: E402
import lenet_keras  # noqa: E402
import tensorflow as tf  # noqa: E402

tf.config.threading.set_intra_op_parallelism_threads(options.threads)
tf.config.threading.set_inter_op_parallelism_threads(options.threads)


def head_on(classes, backbone):
    """The head's model: dropout, which the post keeps, and a dense layer."""
    if backbone:
        inputs, features = backbone.input, backbone.output
    else:
        inputs = features = keras.Input(shape=(job.FEATURES,))
    x = keras.layers.Dropout(job.DROPOUT)(features)
    model = keras.Model(inputs, keras.layers.Dense(len(classes), activation="softmax")(x))
    model.compile(
        loss="categorical_crossentropy", optimizer=lenet_keras.adadelta(), metrics=["accuracy"]
    )
    return model


def main():
    keras.utils.set_random_seed(options.seed)
    backbone = None
    if options.kind == "whole":
        rows = job.images(options.images, options.every)
        _, backbone = lenet_keras.backbone()
        backbone.trainable = False
    else:
        rows = job.features(options.features)
    everything = job.subsets("all")
    chosen = job.sample(everything, options.sample)
    seconds, steps = [], []
    # The first pays for TensorFlow's start and is not counted.
    for classes in [everything[0], *chosen]:
        start = time.perf_counter()
        own = np.isin(rows.labels, classes)
        truth = keras.utils.to_categorical(np.searchsorted(classes, rows.labels[own]), len(classes))
        head_on(classes, backbone).fit(
            rows.train[own], truth, batch_size=job.BATCH, epochs=options.epochs, verbose=0
        )
        seconds.append(time.perf_counter() - start)
        steps.append(options.epochs * job.steps_per_epoch([classes], rows.labels))
    line = np.stack([np.ones(len(chosen)), steps[1:]], 1)
    (per_head, per_step), *_ = np.linalg.lstsq(line, np.array(seconds[1:]), rcond=None)
    # Two heads of much noise could slope the wrong way; a step then costs its mean.
    if per_head < 0 or per_step < 0:
        per_head, per_step = 0, sum(seconds[1:]) / sum(steps[1:])
    figures = []
    for kind in ("pairs", "all"):
        heads = job.subsets(kind)
        total = job.HEAD_EPOCHS * job.steps_per_epoch(heads, rows.labels)
        part = f"{len(chosen)} heads"
        if options.epochs < job.HEAD_EPOCHS:
            part += f", {options.epochs} of {job.HEAD_EPOCHS} epochs"
        figures.append(
            {
                "peer": options.peer,
                "rows": len(rows.labels),
                "heads": kind,
                "part": part,
                "seconds": float(per_head * len(heads) + per_step * total),
            }
        )
    job.report(*figures)


main()
