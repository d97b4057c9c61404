"""What the names of Microsoft's first SDK mean here, and what stands for those that mean nothing."""

from __future__ import annotations

from typing import Final

_SDK = "runyard.sdk"
_WORKSPACE = f"{_SDK}.workspace:Workspace"
_RUN = f"{_SDK}.run:Run"
_DATASTORE = f"{_SDK}.datastore:Datastore"
_DATASET = f"{_SDK}.dataset_factories:Dataset"
_CONDA = f"{_SDK}.conda_dependencies:CondaDependencies"
_COMPUTE_TARGET = f"{_SDK}.compute:ComputeTarget"
_AML_COMPUTE = f"{_SDK}.compute_pool:AmlCompute"
_KUBERNETES_COMPUTE = f"{_SDK}.compute_kubernetes:KubernetesCompute"
_LOCAL_TARGET = f"{_SDK}.compute_pool:LocalTarget"
_REMOTE_COMPUTE = f"{_SDK}.compute_ssh:RemoteCompute"
_RUN_CONFIGURATION = f"{_SDK}.run_configuration:RunConfiguration"
_DOCKER = f"{_SDK}.environment_sections:DockerSection"
_PYTHON = f"{_SDK}.environment_sections:PythonSection"
_KEYVAULT = f"{_SDK}.secrets:Keyvault"
_FILES, _TABLE = f"{_SDK}.dataset:FileDataset", f"{_SDK}.dataset:TabularDataset"
_OUTPUT = f"{_SDK}.job_data:OutputFileDatasetConfig"
_HERE = "runyard.azureml"
_ENVIRONMENT = f"{_HERE}.environments:Environment"
_MODEL = f"{_HERE}.models:Model"
_DATA_TYPE = f"{_HERE}.data_types:DataType"
_VERSION = "runyard._version:__version__"
_EXPERIMENT = f"{_HERE}.submitting:Experiment"
_SCRIPT_RUN_CONFIG = f"{_HERE}.submitting:ScriptRunConfig"
_ESTIMATORS = f"{_HERE}.estimators"
_EXPORT = f"{_HERE}.tensorboard:export_to_tensorboard"
_ERROR = "runyard.errors:RunyardError"
_TO_SIGN_IN = {
    "AzureCliAuthentication": f"{_HERE}.authentication:AzureCliAuthentication",
    "InteractiveLoginAuthentication": f"{_HERE}.authentication:InteractiveLoginAuthentication",
    "MsiAuthentication": f"{_HERE}.authentication:MsiAuthentication",
    "ServicePrincipalAuthentication": f"{_HERE}.authentication:ServicePrincipalAuthentication",
    "TokenAuthentication": f"{_HERE}.authentication:TokenAuthentication",
}
_EXPRESSIONS = {
    name: f"{_HERE}.parameter_expressions:{name}"
    for name in (
        "choice",
        "lognormal",
        "loguniform",
        "normal",
        "qlognormal",
        "qloguniform",
        "qnormal",
        "quniform",
        "randint",
        "uniform",
    )
}
_SAMPLINGS = {
    name: f"{_HERE}.hyperdrive:{name}"
    for name in (
        "BayesianParameterSampling",
        "GridParameterSampling",
        "HyperParameterSampling",
        "RandomParameterSampling",
    )
}
_POLICIES = {
    name: f"{_HERE}.policies:{name}"
    for name in (
        "BanditPolicy",
        "EarlyTerminationPolicy",
        "MedianStoppingPolicy",
        "NoTerminationPolicy",
        "TruncationSelectionPolicy",
    )
}
_SWEEPS = {
    name: f"{_HERE}.hyperdrive:{name}" for name in ("HyperDriveConfig", "HyperDriveRun", "PrimaryMetricGoal")
} | {"HyperDriveRunConfig": f"{_HERE}.hyperdrive:HyperDriveConfig"}
# Whoever catches one of these catches what is raised here in its place: Microsoft's derive from one another.
_ERRORS = {
    "ActivityFailedException": _ERROR,
    "AuthenticationException": _ERROR,
    "AzureMLException": _ERROR,
    "ComputeTargetException": _ERROR,
    "DatasetValidationError": _ERROR,
    "ExperimentExecutionException": _ERROR,
    "ExperimentException": _ERROR,
    "ModelNotFoundException": "runyard.errors:NotFound",
    "ProjectSystemException": _ERROR,
    "RunConfigurationException": _ERROR,
    "RunEnvironmentException": _ERROR,
    "ServiceException": _ERROR,
    "SnapshotException": _ERROR,
    "TrainingException": _ERROR,
    "UserErrorException": _ERROR,
    "WebserviceException": _ERROR,
    "WorkspaceException": _ERROR,
}

HOMES: Final[dict[str, dict[str, str]]] = {
    "azureml": {},
    "azureml.core": {
        "ComputeTarget": _COMPUTE_TARGET,
        "Dataset": _DATASET,
        "Datastore": _DATASTORE,
        "Environment": _ENVIRONMENT,
        "Experiment": _EXPERIMENT,
        "Keyvault": _KEYVAULT,
        "Model": _MODEL,
        "Run": _RUN,
        "RunConfiguration": _RUN_CONFIGURATION,
        "ScriptRun": _RUN,
        "ScriptRunConfig": _SCRIPT_RUN_CONFIG,
        "VERSION": _VERSION,
        "Workspace": _WORKSPACE,
        "__version__": _VERSION,
    },
    "azureml.core.authentication": _TO_SIGN_IN,
    "azureml.core.compute": {
        "AmlCompute": _AML_COMPUTE,
        "ComputeTarget": _COMPUTE_TARGET,
        "KubernetesCompute": _KUBERNETES_COMPUTE,
        "LocalTarget": _LOCAL_TARGET,
        "RemoteCompute": _REMOTE_COMPUTE,
    },
    "azureml.core.compute.amlcompute": {"AmlCompute": _AML_COMPUTE},
    "azureml.core.compute.compute": {"ComputeTarget": _COMPUTE_TARGET},
    "azureml.core.compute.kubernetescompute": {"KubernetesCompute": _KUBERNETES_COMPUTE},
    "azureml.core.compute.remote": {"RemoteCompute": _REMOTE_COMPUTE},
    "azureml.core.compute_target": {
        "AbstractComputeTarget": _COMPUTE_TARGET,
        "ComputeTargetException": _ERROR,
        "LocalTarget": _LOCAL_TARGET,
    },
    "azureml.core.conda_dependencies": {"CondaDependencies": _CONDA},
    "azureml.core.dataset": {"Dataset": _DATASET},
    "azureml.core.datastore": {"Datastore": _DATASTORE},
    "azureml.core.environment": {
        "CondaDependencies": _CONDA,
        "DockerSection": _DOCKER,
        "Environment": _ENVIRONMENT,
        "PythonSection": _PYTHON,
    },
    "azureml.core.experiment": {"Experiment": _EXPERIMENT, "ScriptRunConfig": _SCRIPT_RUN_CONFIG},
    "azureml.core.keyvault": {"Keyvault": _KEYVAULT},
    "azureml.core.model": {"Model": _MODEL},
    "azureml.core.run": {"Run": _RUN},
    "azureml.core.runconfig": {
        "CondaDependencies": _CONDA,
        "DEFAULT_CPU_IMAGE": f"{_HERE}.submitting:DEFAULT_CPU_IMAGE",
        "DataReferenceConfiguration": f"{_SDK}.data_reference:DataReferenceConfiguration",
        "DEFAULT_GPU_IMAGE": f"{_HERE}.submitting:DEFAULT_GPU_IMAGE",
        "DockerConfiguration": f"{_SDK}.run_configuration:DockerConfiguration",
        "DockerSection": _DOCKER,
        "Environment": _ENVIRONMENT,
        "PythonSection": _PYTHON,
        "RunConfiguration": _RUN_CONFIGURATION,
    },
    "azureml.core.script_run": {"ScriptRun": _RUN},
    "azureml.core.script_run_config": {"ScriptRunConfig": _SCRIPT_RUN_CONFIG},
    "azureml.core.workspace": {"Workspace": _WORKSPACE},
    "azureml.core.resource_configuration": {
        "ResourceConfiguration": f"{_HERE}.resources:ResourceConfiguration"
    },
    "azureml.data": {
        "DataType": _DATA_TYPE,
        "FileDataset": _FILES,
        "OutputFileDatasetConfig": _OUTPUT,
        "TabularDataset": _TABLE,
        "__version__": _VERSION,
    },
    "azureml.data.azure_storage_datastore": {"AzureBlobDatastore": _DATASTORE},
    "azureml.data.data_reference": {"DataReference": f"{_SDK}.data_reference:DataReference"},
    "azureml.data.datapath": {"DataPath": f"{_SDK}.data_reference:DataPath"},
    "azureml.data.dataset_factory": {
        "DataType": _DATA_TYPE,
        "FileDatasetFactory": f"{_SDK}.dataset_factories:FileDatasetFactory",
        "TabularDatasetFactory": f"{_SDK}.dataset_factories:TabularDatasetFactory",
    },
    "azureml.data.dataset_consumption_config": {
        "DatasetConsumptionConfig": f"{_SDK}.dataset_inputs:DatasetConsumptionConfig"
    },
    "azureml.data.dataset_type_definitions": {
        "PromoteHeadersBehavior": f"{_HERE}.data_types:PromoteHeadersBehavior"
    },
    "azureml.data.file_dataset": {"FileDataset": _FILES},
    "azureml.data.output_dataset_config": {"OutputFileDatasetConfig": _OUTPUT},
    "azureml.data.tabular_dataset": {"TabularDataset": _TABLE},
    "azureml.exceptions": _ERRORS,
    "azureml.mlflow": {
        name: f"{_HERE}.tracking:{name}"
        for name in ("get_mlflow_tracking_uri", "get_portal_url", "register_model")
    },
    "azureml.telemetry": {"set_diagnostics_collection": f"{_ESTIMATORS}:set_diagnostics_collection"},
    "azureml.tensorboard": {"export_to_tensorboard": _EXPORT},
    "azureml.tensorboard.export": {"export_to_tensorboard": _EXPORT},
    "azureml.train.dnn": {name: f"{_ESTIMATORS}:{name}" for name in ("PyTorch", "TensorFlow")},
    "azureml.train.estimator": {"Estimator": f"{_ESTIMATORS}:Estimator"},
    "azureml.train.sklearn": {"SKLearn": f"{_ESTIMATORS}:SKLearn"},
    "azureml.train.hyperdrive": _EXPRESSIONS | _SAMPLINGS | _POLICIES | _SWEEPS,
    "azureml.train.hyperdrive.parameter_expressions": _EXPRESSIONS,
    "azureml.train.hyperdrive.policy": _POLICIES,
    "azureml.train.hyperdrive.run": _SWEEPS,
    "azureml.train.hyperdrive.runconfig": _SWEEPS,
    "azureml.train.hyperdrive.sampling": _SAMPLINGS,
    "azureml.widgets": {"RunDetails": f"{_HERE}.widgets:RunDetails"},
    "mlflow.azureml": {},
}

_RUN_SCRIPTS = "Submit the script: Experiment.submit(ScriptRunConfig(source_directory, script))."
_SERVE = "Serve a registered model with `mlflow models serve -m models:/NAME/VERSION`."
_COMPUTE = (
    "Submit to a pool of slots, ComputeTarget.create, or run scripts on the machine itself by `runyard run`."
)
_ONE_PROCESS = "A job is one process: give ScriptRunConfig a command that starts the others, as torchrun."
_SECTION = "Say what an environment holds with Environment and CondaDependencies."
_READ = "Read files by the dataset's to_pandas_dataframe() or download()."
_SEARCH = "Search for parameters by a sweep: azureml.train.hyperdrive, or SweepConfig."
_SHOW = (
    "Open the run in the Studio, or start TensorBoard itself, `tensorboard --logdir DIR`, where "
    "export_to_tensorboard(run, DIR) wrote the metrics or run.download_files("
    "output_directory=DIR) the events."
)
_EXPLAIN = "Log what an explainer says as artifacts, with run.upload_file."

_OTHER_MACHINES = (
    "AdlaCompute",
    "AksCompute",
    "BatchCompute",
    "ComputeInstance",
    "DataFactoryCompute",
    "DatabricksCompute",
    "DsvmCompute",
    "HDInsightCompute",
    "SynapseCompute",
)

# Names in modules that have a counterpart.
ABSENT: Final[dict[str, dict[str, str]]] = {
    "azureml.core": {
        "Image": _SERVE,
        "Webservice": _SERVE,
    },
    "azureml.core.environment": {
        "RSection": _SECTION,
        "SparkSection": _SECTION,
    },
    "azureml.core.compute": dict.fromkeys(_OTHER_MACHINES, _COMPUTE),
    "azureml.core.runconfig": dict.fromkeys(
        ("MpiConfiguration", "PyTorchConfiguration", "TensorflowConfiguration", "ParallelTaskConfiguration"),
        _ONE_PROCESS,
    )
    | dict.fromkeys(("Data", "OutputData"), _READ),
    "azureml.core.model": {"InferenceConfig": _SERVE, "ModelPackage": _SERVE},
    "azureml.data.datapath": {
        "DataPathComputeBinding": "Say how data comes to a job by as_download() or "
        "as_mount() of it, or by DataReference(datastore, path_on_datastore=PATH)."
    },
    "azureml.train.dnn": {"Chainer": _RUN_SCRIPTS},
    "azureml.train.estimator": {"MMLBaseEstimator": _RUN_SCRIPTS},
    "azureml.data": {"HDFSOutputDatasetConfig": _READ},
    "mlflow.azureml": {"build_image": _SERVE, "deploy": _SERVE},
}
# Modules, and all that lies below them.
ABSENT_MODULES: Final[dict[str, str]] = {
    "azureml.automl": _SEARCH,
    "azureml.contrib": "Microsoft tried things out there; the documentation says what Runyard has.",
    "azureml.core.container_registry": _SERVE,
    "azureml.core.image": _SERVE,
    "azureml.core.webservice": _SERVE,
    "azureml.datadrift": "Compare runs in charts, or have a webhook told when a metric crosses a limit.",
    "azureml.dataprep": "Read data with pandas or pyarrow.",
    "azureml.explain": _EXPLAIN,
    "azureml.interpret": _EXPLAIN,
    "azureml.opendatasets": "Download the data, and keep it with Dataset.File.from_files.",
    "azureml.pipeline": "Log each step as a child run: run.child_run(), or nested=True with MLflow.",
    "azureml.tensorboard": _SHOW,
    "azureml.train.automl": _SEARCH,
    "azureml.train": _RUN_SCRIPTS,
}

MODULES: Final = frozenset({*HOMES, *ABSENT, *ABSENT_MODULES})
