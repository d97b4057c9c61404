"""Files of a dataset in a folder, and a model for each of some alphas."""

import argparse
import glob
import os

import joblib
import numpy as np
from azureml.core.run import Run
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--data-folder", type=str, help="training dataset")
folder = parser.parse_args().data_folder
os.makedirs("./outputs", exist_ok=True)
run = Run.get_context()


def read(name):
    """Return the array in a file, wherever it is below the folder."""
    return np.load(glob.glob(os.path.join(folder, f"**/{name}.npy"), recursive=True)[0])


parts = train_test_split(read("features"), read("labels"), test_size=0.2, random_state=0)
for alpha in np.arange(0.0, 1.0, 0.25):
    model = Ridge(alpha=alpha).fit(parts[0], parts[2])
    run.log("alpha", alpha)
    run.log("mse", mean_squared_error(model.predict(parts[1]), parts[3]))
    joblib.dump(value=model, filename=f"outputs/ridge_{alpha:.2f}.pkl")
