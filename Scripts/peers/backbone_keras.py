"""The backbone with Keras on TensorFlow: training epochs, then features of the test images."""

import os
import time

import job

options = job.arguments(["fp32", "bf16"])
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras  # noqa: E402
import lenet_keras  # noqa: E402
import tensorflow as tf  # noqa: E402

tf.config.threading.set_intra_op_parallelism_threads(options.threads)
tf.config.threading.set_inter_op_parallelism_threads(options.threads)


class Epochs(keras.callbacks.Callback):
    """Seconds of each epoch."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.start)


def main():
    keras.utils.set_random_seed(options.seed)
    if options.kind == "bf16":
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    rows = job.images(options.images, options.every)
    model, features = lenet_keras.backbone()
    model.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=lenet_keras.adadelta(),
        metrics=["accuracy"],
    )
    epochs = Epochs()
    # The first epoch builds the graph and is not counted.
    model.fit(
        rows.train,
        rows.labels,
        batch_size=job.BATCH,
        epochs=options.epochs + 1,
        verbose=0,
        callbacks=[epochs],
    )
    run = tf.function(lambda images: features(images, training=False))
    batches = list(tf.data.Dataset.from_tensor_slices(rows.test).batch(1000))

    def extract():
        return [run(images).numpy() for images in batches]

    extract()
    feature_seconds, _ = job.timed(extract)
    more = {}
    if options.whole:
        accuracy = model.evaluate(rows.test, rows.test_labels, batch_size=1000, verbose=0)[1]
        more["accuracy"] = {"one_vs_all": round(float(accuracy), 4)}
    job.report(job.backbone_figure(options, rows, epochs.seconds[1:], feature_seconds, **more))


main()
