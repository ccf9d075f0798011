"""The post's backbone and optimiser in Keras."""

import job
import keras
from keras import layers


def backbone():
    """The whole model, and the one that ends with the features."""
    images = keras.Input(shape=(28, 28, 1))
    x = layers.Conv2D(32, 3, activation="relu")(images)
    x = layers.Conv2D(64, 3, activation="relu")(x)
    x = layers.Flatten()(layers.MaxPooling2D(2)(x))
    features = layers.Dense(job.FEATURES, activation="relu")(layers.Dropout(0.25)(x))
    x = layers.Dropout(0.5)(features)
    output = layers.Dense(job.CLASSES, activation="softmax", dtype="float32")(x)
    return keras.Model(images, output), keras.Model(images, features)


def adadelta():
    return keras.optimizers.Adadelta(learning_rate=1.0, rho=job.RHO, epsilon=job.EPSILON)
