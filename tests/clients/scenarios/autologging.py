"""Frameworks that log by themselves, by the code that their users write; nothing is fetched from a hub."""

import contextlib
import tempfile

import keras
import lightgbm
import lightning
import mlflow
import numpy as np
import optuna
import statsmodels.api
import torch
import xgboost
from expecting import same
from mlflow.tracking import MlflowClient
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import GridSearchCV
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
from transformers.integrations import MLflowCallback

client = MlflowClient()
FEATURES, TARGET = load_diabetes(return_X_y=True)


@contextlib.contextmanager
def _autologged(module, **options):
    """Let a framework log by itself within the block; yield the run that it logs to."""
    module.autolog(silent=True, log_models=False, **options)
    try:
        with mlflow.start_run() as run:
            yield run
    finally:
        module.autolog(disable=True)


def _history(run, key):
    return [point.value for point in client.get_metric_history(run.info.run_id, key)]


def a_search_of_scikit_learn_logs_a_run_for_each_candidate():
    with _autologged(mlflow.sklearn, max_tuning_runs=4) as run:
        grid = {"n_estimators": [2, 4], "max_depth": [2, 3]}
        GridSearchCV(RandomForestRegressor(random_state=0), grid, cv=2).fit(FEATURES, TARGET)
    kept = client.get_run(run.info.run_id)
    assert "best_cv_score" in kept.data.metrics
    children = client.search_runs(
        [run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'"
    )
    same(len(children), 4)
    same({child.data.params["n_estimators"] for child in children}, {"2", "4"})
    names = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert "cv_results.csv" in names, names


def xgboost_logs_each_round_and_the_importances():
    with _autologged(mlflow.xgboost) as run:
        table = xgboost.DMatrix(FEATURES, label=TARGET)
        xgboost.train(
            {"max_depth": 2}, table, num_boost_round=5, evals=[(table, "train")], verbose_eval=False
        )
    same(len(_history(run, "train-rmse")), 5)
    same(client.get_run(run.info.run_id).data.params["max_depth"], "2")
    assert any("importance" in file.path for file in client.list_artifacts(run.info.run_id))


def lightgbm_logs_each_round():
    with _autologged(mlflow.lightgbm) as run:
        table = lightgbm.Dataset(FEATURES, TARGET)
        settings = {"objective": "regression", "verbosity": -1, "metric": "l2"}
        lightgbm.train(settings, table, num_boost_round=4, valid_sets=[table], valid_names=["train"])
    losses = _history(run, "train-l2")
    same(len(losses), 4)
    same(losses, sorted(losses, reverse=True))


class _Line(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(FEATURES.shape[1], 1)

    def training_step(self, batch, _):
        features, target = batch
        loss = torch.nn.functional.mse_loss(self.layer(features), target)
        self.log("loss", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)


def _batches():
    features = torch.tensor(FEATURES, dtype=torch.float32)
    target = torch.tensor(TARGET, dtype=torch.float32)[:, None]
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(features, target), batch_size=64)


def _trainer(**options):
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    return lightning.Trainer(
        max_epochs=3, accelerator="cpu", default_root_dir=tempfile.mkdtemp(), **quiet, **options
    )


def lightning_logs_each_epoch():
    with _autologged(mlflow.pytorch) as run:
        _trainer(logger=False).fit(_Line(), _batches())
    same(len(_history(run, "loss")), 3)
    same(client.get_run(run.info.run_id).data.params["optimizer_name"], "SGD")


def lightnings_own_logger_makes_its_run():
    from lightning.pytorch.loggers import MLFlowLogger

    name = "lightning-" + next(tempfile._get_candidate_names())
    logger = MLFlowLogger(experiment_name=name, tracking_uri=mlflow.get_tracking_uri())
    _trainer(logger=logger, log_every_n_steps=1).fit(_Line(), _batches())
    run = client.get_run(logger.run_id)
    same(run.info.status, "FINISHED")
    assert len(client.get_metric_history(logger.run_id, "loss")) >= 3


def the_trainer_of_transformers_reports_through_its_callback():
    settings = BertConfig(
        vocab_size=50, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
    )
    rows = [{"input_ids": [1, 2, 3, 4], "labels": index % 2} for index in range(16)]
    arguments = TrainingArguments(
        output_dir=tempfile.mkdtemp(),
        num_train_epochs=2,
        logging_steps=1,
        report_to=[],
        use_cpu=True,
        save_strategy="no",
        disable_tqdm=True,
    )
    with mlflow.start_run() as run:
        model = BertForSequenceClassification(settings)
        Trainer(model, arguments, train_dataset=rows, callbacks=[MLflowCallback()]).train()
    kept = client.get_run(run.info.run_id)
    assert len(_history(run, "loss")) >= 4, kept.data.metrics
    # Some two hundred params, of which the longest do not fit: they are sent in batches.
    assert len(kept.data.params) > 100
    same(kept.data.params["num_train_epochs"], "2")


def the_callback_of_keras_logs_each_epoch():
    model = keras.Sequential([keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    with mlflow.start_run() as run:
        model.fit(
            FEATURES.astype("float32"),
            (TARGET / TARGET.max()).astype("float32"),
            epochs=3,
            verbose=0,
            callbacks=[mlflow.keras.MlflowCallback()],
        )
    same(len(_history(run, "loss")), 3)
    same(client.get_run(run.info.run_id).data.params["optimizer_name"], "sgd")


def optuna_logs_each_trial_as_a_child():
    with mlflow.start_run() as parent:

        def objective(trial):
            with mlflow.start_run(nested=True):
                x = trial.suggest_float("x", -10, 10)
                mlflow.log_param("x", x)
                mlflow.log_metric("value", (x - 2) ** 2)
                return (x - 2) ** 2

        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
        study.optimize(objective, n_trials=6)
        mlflow.log_metric("best", study.best_value)
    children = client.search_runs(
        [parent.info.experiment_id],
        f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'",
        order_by=["metrics.value ASC"],
    )
    same(len(children), 6)
    same(children[0].data.metrics["value"], client.get_run(parent.info.run_id).data.metrics["best"])


def optunas_own_callback_logs_each_trial_as_a_run():
    from optuna_integration import MLflowCallback as OptunaCallback

    study = optuna.create_study(study_name="study-" + next(tempfile._get_candidate_names()))
    reported = OptunaCallback(tracking_uri=mlflow.get_tracking_uri(), metric_name="loss")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) ** 2, n_trials=3, callbacks=[reported])
    experiment = client.get_experiment_by_name(study.study_name)
    runs = client.search_runs([experiment.experiment_id])
    same({len(run.data.params) for run in runs}, {1})
    same(len(runs), 3)


def statsmodels_logs_what_it_fitted():
    with _autologged(mlflow.statsmodels) as run:
        statsmodels.api.OLS(TARGET, statsmodels.api.add_constant(FEATURES)).fit()
    kept = client.get_run(run.info.run_id)
    assert np.isclose(kept.data.metrics["rsquared"], 0.5177, atol=1e-3)
    assert any("summary" in file.path for file in client.list_artifacts(run.info.run_id))
