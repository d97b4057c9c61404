"""A small network of Keras's, whose training MLflow logs by itself."""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras  # it reads at its import what it computes with
import mlflow
import mlflow.keras
from sklearn.datasets import load_digits

digits = load_digits()
x_train = (digits.images[:256] / 16).astype("float32").reshape(256, -1)
y_train = keras.utils.to_categorical(digits.target[:256], 10)


def driver():
    """Train in a run, and return it."""
    mlflow.keras.autolog(log_models=False)
    with mlflow.start_run() as run:
        layers = [keras.layers.Input((64,)), keras.layers.Dense(10, activation="softmax")]
        model = keras.Sequential(layers)
        model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
        model.fit(x_train, y_train, batch_size=64, epochs=2, validation_split=0.1, verbose=0)
    return run


if __name__ == "__main__":
    driver()
