"""Train ridge regressions on scikit-learn's diabetes data, log all of it, and predict with the best model.

One parent run holds a run for each penalty. Each logs how its error falls as it sees more patients, a
figure of its predictions, and its model. The best model is then loaded back from the server and asked.

It needs mlflow (or mlflow-skinny), scikit-learn, skops, pandas and matplotlib. It runs against any MLflow
server:

    MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python examples/diabetes.py
"""

import mlflow
import numpy as np
import sklearn
from matplotlib.figure import Figure
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.model_selection import train_test_split

EXPERIMENT = "diabetes"
ALPHAS = (0.001, 0.01, 0.1, 1.0)
SMALLEST_SAMPLE = 20
SAMPLE_GROWTH = 10


def figure_of(measured, predicted, alpha):
    """Draw what was predicted over what was measured; a perfect model would lie on the line."""
    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.subplots()
    axes.scatter(measured, predicted, alpha=0.6, edgecolors="none")
    ends = [min(measured.min(), predicted.min()), max(measured.max(), predicted.max())]
    axes.plot(ends, ends, color="gray", linewidth=1)
    axes.set(xlabel="measured progression", ylabel="predicted progression", title=f"Ridge, alpha = {alpha}")
    return figure


def train(alpha, features, targets):
    """Train with one penalty in a run of its own and return its model's address and its error."""
    train_x, test_x, train_y, test_y = train_test_split(features, targets, test_size=0.3, random_state=7)
    with mlflow.start_run(run_name=f"ridge-{alpha}", nested=True):
        mlflow.log_params({"alpha": alpha, "features": train_x.shape[1], "rows": len(train_x)})
        sizes = [*range(SMALLEST_SAMPLE, len(train_x), SAMPLE_GROWTH), len(train_x)]
        for size in sizes:
            model = Ridge(alpha=alpha).fit(train_x[:size], train_y[:size])
            mlflow.log_metrics(
                {
                    "train/rmse": root_mean_squared_error(train_y[:size], model.predict(train_x[:size])),
                    "test/rmse": root_mean_squared_error(test_y, model.predict(test_x)),
                },
                step=size,
            )
        predicted = model.predict(test_x)
        rmse = root_mean_squared_error(test_y, predicted)
        mlflow.log_metrics(
            {"rmse": rmse, "mae": mean_absolute_error(test_y, predicted), "r2": r2_score(test_y, predicted)}
        )
        mlflow.log_figure(figure_of(test_y, predicted, alpha), "predictions.png")
        logged = mlflow.sklearn.log_model(
            model,
            name="model",
            input_example=test_x[:3],
            # Said here, it need not be found out, which takes MLflow longer than the training.
            pip_requirements=[f"scikit-learn=={sklearn.__version__}", f"numpy=={np.__version__}"],
        )
        return logged.model_uri, rmse


def main():
    """Train with each penalty, and ask the best model."""
    features, targets = load_diabetes(return_X_y=True)
    mlflow.set_experiment(EXPERIMENT)
    with mlflow.start_run(run_name="ridge") as parent:
        mlflow.set_tag("mlflow.note.content", "Ridge regression on the diabetes data, one run per penalty.")
        trained = {alpha: train(alpha, features, targets) for alpha in ALPHAS}
        best = min(trained, key=lambda alpha: trained[alpha][1])
        model_uri, rmse = trained[best]
        mlflow.log_params({"best_alpha": best})
        mlflow.log_metric("best_rmse", rmse)

    model = mlflow.pyfunc.load_model(model_uri)
    predicted = model.predict(features[:3])
    print(f"Best of {len(ALPHAS)} penalties: alpha = {best}, RMSE = {rmse:.1f} (run {parent.info.run_id})")
    for measured, value in zip(targets[:3], predicted, strict=True):
        print(f"  measured {measured:5.0f}   predicted {value:5.0f}")


if __name__ == "__main__":
    main()
