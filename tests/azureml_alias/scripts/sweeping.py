"""A notebook's cells that tune hyperparameters, as Azure ML's first SDK has it."""

import json
import sys

from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
from azureml.train.estimator import Estimator
from azureml.train.hyperdrive import (
    BanditPolicy,
    BayesianParameterSampling,
    GridParameterSampling,
    HyperDriveConfig,
    HyperDriveRun,
    MedianStoppingPolicy,
    NoTerminationPolicy,
    PrimaryMetricGoal,
    RandomParameterSampling,
    TruncationSelectionPolicy,
    choice,
    lognormal,
    loguniform,
    normal,
    qlognormal,
    qloguniform,
    qnormal,
    quniform,
    randint,
    uniform,
)
from azureml.train.hyperdrive.run import HyperDriveRun as SameRun
from azureml.widgets import RunDetails

assert SameRun is HyperDriveRun
ws = Workspace.from_config()
env = Environment("swept")
env.python.user_managed_dependencies = True
env.python.interpreter_path = sys.executable
src = ScriptRunConfig(
    source_directory=sys.argv[1], script="tune.py", arguments=["--epochs", 2], environment=env
)

param_sampling = RandomParameterSampling(
    {
        "--learning-rate": loguniform(-6, -1),
        "--keep": uniform(0.5, 0.9),
        "--batch-size": choice(16, 32, 64),
        "--layers": choice(range(1, 5)),
        "--units": quniform(10, 100, 10),
        "--seed": randint(7),
        "--noise": normal(10, 3),
        "--decay": lognormal(0, 1),
        "--a": qnormal(50, 10, 5),
        "--b": qloguniform(0, 4, 1),
        "--c": qlognormal(1, 1, 1),
    },
    properties={"seed": 7},
)
hyperdrive = HyperDriveConfig(
    run_config=src,
    hyperparameter_sampling=param_sampling,
    policy=BanditPolicy(slack_factor=0.15, evaluation_interval=1, delay_evaluation=10),
    primary_metric_name="validation_acc",
    primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
    max_total_runs=3,
    max_concurrent_runs=2,
    max_duration_minutes=30,
)
experiment = Experiment(workspace=ws, name="swept")
run = experiment.submit(config=hyperdrive)
RunDetails(run).show()
run.wait_for_completion(show_output=True)
assert run.get_status() == "Completed"

best_run = run.get_best_run_by_primary_metric()
children = run.get_children_sorted_by_primary_metric()
assert best_run.id == children[0]["run_id"]
assert [each["best_primary_metric"] for each in children] == sorted(
    (each["best_primary_metric"] for each in children), reverse=True
)
assert len(run.get_children_sorted_by_primary_metric(top=2)) == 2
hyperparameters = run.get_hyperparameters()
assert set(hyperparameters) == {each.id for each in run.get_children()}
metrics = run.get_metrics()
assert metrics[best_run.id]["validation_acc"][-1] == children[0]["best_primary_metric"]
again = HyperDriveRun(experiment, run.id)
assert again.get_best_run_by_primary_metric(include_failed=False, include_canceled=False).id == best_run.id

for sampling, policy in (
    (GridParameterSampling({"lr": choice(0.1, 0.2)}), MedianStoppingPolicy(delay_evaluation=5)),
    (BayesianParameterSampling({"lr": uniform(0.05, 0.1)}), None),
    (
        RandomParameterSampling({"lr": choice([0.1, 0.2])}),
        TruncationSelectionPolicy(20, evaluation_interval=2),
    ),
    (RandomParameterSampling({"lr": choice("a", "b")}), NoTerminationPolicy()),
):
    config = HyperDriveConfig(
        sampling, "validation_acc", PrimaryMetricGoal.MINIMIZE, 2, policy=policy, run_config=src
    )
    experiment.submit(config).cancel()

estimator = Estimator(source_directory=sys.argv[1], entry_script="tune.py", compute_target="local")
config = HyperDriveConfig(
    estimator=estimator,
    hyperparameter_sampling=GridParameterSampling({"lr": choice(0.1)}),
    primary_metric_name="validation_acc",
    primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
    max_total_runs=1,
)
experiment.submit(config).cancel()

print(
    json.dumps(
        {
            "arguments": best_run.get_details()["runDefinition"]["arguments"],
            "children": len(children),
            "units": [each["--units"] for each in hyperparameters.values()],
        }
    )
)
