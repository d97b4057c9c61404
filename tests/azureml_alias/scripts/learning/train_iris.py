"""Rows of a table by the name of an input, and a tree of scikit-learn's that is kept as a file."""

import os

import joblib
from azureml.core import Run
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier

run = Run.get_context()
rows = run.input_datasets["iris"].to_pandas_dataframe()
features = rows.loc[:, ["sepal_length", "sepal_width", "petal_length", "petal_width"]]
species = rows.loc[:, ["species"]]
parts = train_test_split(features, species, test_size=0.2, random_state=223)
tree = DecisionTreeClassifier().fit(parts[0], parts[2])
print(f"Accuracy on the training set: {tree.score(parts[0], parts[2]):.2f}")
os.makedirs("./outputs", exist_ok=True)
joblib.dump(value=tree, filename="outputs/decision_tree.pkl")
