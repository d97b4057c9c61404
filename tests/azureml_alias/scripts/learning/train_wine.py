"""What a project of MLflow's runs: params, metrics and a model of scikit-learn's."""

import os
import sys

import mlflow
import mlflow.sklearn
import pandas as pd
from sklearn.linear_model import ElasticNet
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split

rows = pd.read_csv(os.path.join(os.path.dirname(os.path.abspath(__file__)), "wine.csv"))
train, test = train_test_split(rows, random_state=40)
alpha, l1_ratio = float(sys.argv[1]), float(sys.argv[2])

with mlflow.start_run():
    model = ElasticNet(alpha=alpha, l1_ratio=l1_ratio, random_state=42)
    model.fit(train.drop(["target"], axis=1), train[["target"]])
    predicted = model.predict(test.drop(["target"], axis=1))
    mlflow.log_param("alpha", alpha)
    mlflow.log_param("l1_ratio", l1_ratio)
    mlflow.log_metric("r2", r2_score(test[["target"]], predicted))
    mlflow.log_metric("mae", mean_absolute_error(test[["target"]], predicted))
    # Said, since to find them takes another process that imports all of it.
    mlflow.sklearn.log_model(model, "model", pip_requirements=["scikit-learn"])
