"""What a script run configuration and a job file say, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runyard import AmlCompute, CondaDependencies, Environment, LocalTarget, RunConfiguration, ScriptRunConfig
from runyard.errors import InvalidParameter, NotFound, NotImplementedHere
from runyard.protocol.messages.jobs import WireOutput
from runyard.sdk.data_reference import DataReferenceConfiguration
from runyard.sdk.job_file import JobFile, read_job_file, seconds_of
from runyard.sdk.run_configuration import DockerConfiguration, checked_variables
from runyard.sdk.run_console import Printed, whole_lines


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text("print(1)\n")
    return tmp_path


def test_the_page_s_way_to_say_where_and_with_what():
    env = Environment("mlflow-env")
    env.python.conda_dependencies = CondaDependencies.create(pip_packages=["mlflow", "azureml-mlflow"])
    src = ScriptRunConfig(source_directory="./my_script_location", script="my_training_script.py")
    src.run_config.target = "my-remote-compute-compute"
    src.run_config.environment = env
    assert src.run_config.target == "my-remote-compute-compute"
    said = src.wire_environment()
    assert said is not None
    assert (said.name, said.version) == ("mlflow-env", None)
    assert said.python is not None
    assert "azureml-mlflow" in said.python.conda.pip
    with pytest.raises(NotFound, match="my_script_location"):
        src.checked_script()


def test_words_reach_the_script_as_text(code: Path):
    config = ScriptRunConfig(code, "train.py", ["--alpha", 0.1, 3, Path("a b"), "$(ls)\n'é"])
    assert config.checked_arguments() == ["--alpha", "0.1", "3", "a b", "$(ls)\n'é"]
    assert (config.checked_script(), config.checked_command()) == ("train.py", [])


def test_a_command_is_words_or_one_text_for_a_shell():
    words = ScriptRunConfig(command=["torchrun", "train.py", 4])
    assert words.checked_command() == ["torchrun", "train.py", "4"]
    assert words.source_directory is None
    assert ScriptRunConfig(command="a && b").checked_command() == ["sh", "-c", "a && b"]
    nothing: list[str] = []
    for empty in ("", " ", nothing):
        with pytest.raises(InvalidParameter, match="empty"):
            ScriptRunConfig(command=empty).checked_command()


def test_arguments_of_the_configuration_win_over_those_of_the_run_s():
    wishes = RunConfiguration(script="a.py", arguments=["x"])
    assert (ScriptRunConfig(run_config=wishes).script, ScriptRunConfig(run_config=wishes).arguments) == (
        "a.py",
        ["x"],
    )
    config = ScriptRunConfig(
        ".",
        "b.py",
        run_config=wishes,
        compute_target=LocalTarget(),
        max_run_duration_seconds=9,
        environment="training:3",
        docker_runtime_config=DockerConfiguration(use_docker=True),
    )
    assert (config.script, wishes.target, wishes.max_run_duration_seconds) == ("b.py", "local", 9)
    said = config.wire_environment()
    assert said is not None
    assert (said.name, said.version) == ("training", 3)


def test_an_environment_that_nobody_touched_is_none():
    config = ScriptRunConfig(".", "a.py")
    assert config.wire_environment() is None
    config.run_config.environment.python.conda_dependencies.add_pip_package("numpy")
    assert config.wire_environment() is not None
    packages = RunConfiguration(conda_dependencies=CondaDependencies.create(pip_packages=["numpy"]))
    assert ScriptRunConfig(".", "a.py", run_config=packages).wire_environment() is not None


def test_shared_memory_goes_to_a_container_that_has_none_said():
    env = Environment.from_docker_image("image", "python:3.11")
    config = ScriptRunConfig(
        ".", "a.py", environment=env, docker_runtime_config=DockerConfiguration(shm_size="2g")
    )
    said = config.wire_environment()
    assert said is not None
    assert said.docker is not None
    assert (said.docker.image, said.docker.shm_size) == ("python:3.11", "2g")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"script": "a", "command": "b"}, "not both"),
        ({"command": "b", "arguments": ["a"]}, "arguments belong to a script"),
        ({"script": "a", "arguments": "--alpha 1"}, "arguments must be a list"),
        ({"script": "a", "arguments": {"a": 1}}, "arguments must be a list"),
        ({"script": "a", "arguments": [None]}, "arguments has a NoneType"),
        ({"script": "a", "arguments": ["a\0b"]}, "NUL"),
        ({"script": "a", "run_config": {}}, "run_config must be"),
        ({"script": "a", "environment": 3}, "environment must be"),
        ({"script": "a", "compute_target": 3}, "compute_target must be"),
        ({"script": "a", "compute_target": ""}, "compute_target must be"),
    ],
)
def test_what_can_t_be_is_refused_by_its_name(arguments: dict[str, Any], said: str):
    with pytest.raises(InvalidParameter, match=said):
        ScriptRunConfig(".", **arguments)


@pytest.mark.parametrize(
    ("script", "error", "said"),
    [
        (None, InvalidParameter, "neither"),
        ("/train.py", InvalidParameter, "path in source_directory"),
        ("../train.py", InvalidParameter, "path in source_directory"),
        ("none.py", NotFound, r"script='none\.py'"),
    ],
)
def test_a_script_is_a_file_of_its_folder(code: Path, script: str, error: type[Exception], said: str):
    with pytest.raises(error, match=said):
        ScriptRunConfig(code, script).checked_script()


def test_what_has_no_counterpart_says_what_to_use():
    with pytest.raises(NotImplementedHere, match=r"distributed_job_config.*torchrun"):
        ScriptRunConfig(".", "a.py", distributed_job_config=object())
    with pytest.raises(NotImplementedHere, match=r"resume_from.*download_files"):
        ScriptRunConfig(".", "a.py", resume_from="a")
    with pytest.raises(NotImplementedHere, match="spark-submit"):
        RunConfiguration(framework="PySpark")
    with pytest.raises(NotImplementedHere, match="torchrun"):
        RunConfiguration(communicator="Mpi")
    with pytest.raises(NotImplementedHere, match="docker run"):
        DockerConfiguration(arguments=["--privileged"])
    with pytest.raises(NotImplementedHere, match="job file"):
        RunConfiguration().save()
    for environment in ("a:", "a:b", "a:99999999999"):
        with pytest.raises(InvalidParameter, match="NAME:VERSION"):
            ScriptRunConfig(".", "a.py", environment=environment).wire_environment()


@pytest.mark.parametrize("name", ["", "a=b", "a\0"])
def test_what_is_no_variable_is_refused(name: str):
    with pytest.raises(InvalidParameter, match="environment_variables"):
        checked_variables({name: 1})
    assert checked_variables({"A": 1}) == {"A": "1"}


def test_a_pool_is_as_large_as_its_nodes():
    pool = AmlCompute.provisioning_configuration("STANDARD_D2_V2", max_nodes=4, vnet_name="a")
    assert (pool.slots, pool.ignored) == (4, ("vm_size",))
    assert AmlCompute.provisioning_configuration(description="a", tags={"b": "c"}).slots == 1
    for options in ({"max_nodes": 0}, {"max_nodes": "2"}, {"min_nodes": 3, "max_nodes": 2}):
        with pytest.raises(InvalidParameter, match="nodes"):
            AmlCompute.provisioning_configuration(**options)
    with pytest.raises(TypeError, match="nodes_at_most"):
        AmlCompute.provisioning_configuration(nodes_at_most=1)


TOML = """\
script = "train.py"
arguments = ["--alpha", 0.1, 3]
folder = "code"
compute = "pool"
experiment = "trials"
max_duration = "2h"
attempts = 3
tags = {team = "vision", size = 3}
variables = {MODE = "train"}

[environment]
pip_requirements = "requirements.txt"
"""
YAML = """\
command: echo hello
environment: training:2
azureml: true
priority: 5
"""


def test_a_job_file_says_it_all(tmp_path: Path):
    (tmp_path / "requirements.txt").write_text("numpy\n")
    file = tmp_path / "job.toml"
    file.write_text(TOML)
    wanted = read_job_file(file)
    config = wanted.config()
    assert config.source_directory == str(tmp_path / "code")
    assert (config.script, config.checked_arguments()) == ("train.py", ["--alpha", "0.1", "3"])
    wishes = config.run_config
    assert (wishes.target, wishes.max_run_duration_seconds, wishes.max_attempts) == ("pool", 7200, 3)
    assert (wishes.environment_variables, wanted.text_tags()) == (
        {"MODE": "train"},
        {"team": "vision", "size": "3"},
    )
    said = config.wire_environment()
    assert said is not None
    assert said.python is not None
    assert said.python.conda.pip == ["numpy"]


def test_a_job_file_may_be_yaml(tmp_path: Path):
    file = tmp_path / "job.yml"
    file.write_text(YAML)
    config = read_job_file(file).config()
    assert config.checked_command() == ["sh", "-c", "echo hello"]
    assert (config.is_azureml, config.run_config.environment, config.run_config.priority) == (
        True,
        "training:2",
        5,
    )


def test_the_environment_of_a_job_file_may_be_packages_or_a_conda_file(tmp_path: Path):
    (tmp_path / "conda.yml").write_text("dependencies: [python=3.10, numpy]\n")
    file = tmp_path / "job.toml"
    file.write_text('script = "a.py"\n[environment]\nconda = "conda.yml"\nvariables = {A = 1}\n')
    environment = read_job_file(file).config().run_config.environment
    assert list(environment.python.conda_dependencies.conda_packages) == ["numpy"]
    assert environment.environment_variables == {"A": "1"}
    file.write_text('script = "a.py"\n[environment]\npackages = ["numpy"]\npython_version = "3.12"\n')
    environment = read_job_file(file).config().run_config.environment
    assert environment.python.conda_dependencies.get_python_version() == "3.12"
    file.write_text('script = "a.py"\n[environment]\npackages = ["numpy"]\nconda = "conda.yml"\n')
    with pytest.raises(InvalidParameter, match="one of them"):
        read_job_file(file).config()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("script = ", "no TOML"),
        ("nonsense = 1", "nonsense"),
        ("attempts = 'a'", "attempts"),
        ("max_duration = '2 weeks'\nscript = 'a'", "max_duration"),
        ("argumets = ['a']", "no key `argumets`; did you mean `arguments`"),
        ("zzz = 1", "no key `zzz`; there are script, arguments"),
        ("[environment]\npackage = ['a']", "`package` in `environment`; did you mean `packages`"),
        ("[sweep]\nmetric = 'a'\nparameters = {}\nmaxtrials = 1", "in `sweep`; did you mean `max_trials`"),
        (
            "[sweep]\nmetric = 'a'\nparameters = {x = {values = [1, 2]}}",
            r"`x` in `sweep.parameters` is \{'values': \[1, 2\]\}\. .* x = \[1, 2\]; bounds are as x =",
        ),
        ("[sweep]\nmetric = 'a'\nparameters = {x = 3}", r"`x` in `sweep.parameters` is 3\. Values"),
        ("[sweep]\nmetric = 'a'\nparameters = {x = [[1]]}", r"`x` in `sweep.parameters` is \[\[1\]\]"),
        ("[variables]\nA = 1\nDEBUG = true", "`DEBUG` in `variables` is no text and no number"),
        ("[tags]\nfrom = ['a']", "`from` in `tags` is no text"),
        ("script = 'a'\narguments = [1, true]", r"arguments\[1\]"),
        ("COMPUTE = 'gpu'", "no key `COMPUTE`; did you mean `compute`"),
        ("[environment]\npackages = ['a']\npython_version = 'three'", "python_version='three' must be"),
        ("[environment]\npackages = ['a']\npython_version = 3.10", 'python_version=3.1 is .* as "3.10"'),
        (
            "script = 'a'\n[inputs]\ndata = 'nostore'",
            "inputs.data: 'nostore' must be the name of a datastore",
        ),
        ("script = 'a'\n[outputs]\nmodel = 'x'", "outputs.model: 'x' must be the name of a datastore"),
    ],
)
def test_what_a_job_file_can_t_say_is_refused(tmp_path: Path, text: str, said: str):
    file = tmp_path / "job.toml"
    file.write_text(text)
    with pytest.raises(InvalidParameter, match=said):
        read_job_file(file).config()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stopping = {rule = 5}\nparameters = {x = [1]}", r"stopping\['rule'\] must be str, not 5\."),
        (
            "parameters = {x = {low = 1, high = 'b'}}",
            r"parameters\['x'\]\['high'\] must be int or float, not 'b'",
        ),
        (
            "parameters = {x = {lo = 1}}",
            r"unknown field `lo`; there are low, high, mean, deviation, log, step",
        ),
    ],
)
def test_what_a_sweep_can_t_search_is_named_with_what_it_can(tmp_path: Path, text: str, said: str):
    file = tmp_path / "sweep.toml"
    file.write_text(f"script = 'a.py'\n[sweep]\nmetric = 'loss'\n{text}")
    with pytest.raises(InvalidParameter, match=said):
        read_job_file(file).sweep_config()


def test_durations_have_units():
    assert [seconds_of(each) for each in (0, 5, "5", "90s", "30m", "2h", "1d", "0")] == [
        None, 5, 5, 90, 1800, 7200, 86400, None,
    ]  # fmt: skip
    assert JobFile(script="a.py").config().run_config.max_run_duration_seconds is None


def test_lines_of_several_streams_stay_whole():
    letters = "é\nb".encode()
    pieces = (("stdout", b"a"), ("stderr", b"x\ny"), ("stdout", letters[:1]), ("stdout", letters[1:]))
    printed = [Printed(*piece) for piece in pieces]
    assert list(whole_lines(printed)) == [
        ("stderr", "x\n"),
        ("stdout", "aé\n"),
        ("stdout", "b"),
        ("stderr", "y"),
    ]
    bar = [Printed("stderr", b"10%\r"), Printed("stderr", b"20%\r"), Printed("stderr", b"\xff")]
    assert list(whole_lines(bar)) == [("stderr", "10%\r"), ("stderr", "20%\r"), ("stderr", "�")]


def test_references_of_a_configuration_are_put_where_arguments_name_them():
    words = ["--in=$AZUREML_DATAREFERENCE_raw/2026", "$AZUREML_DATAREFERENCE_x"]
    config = ScriptRunConfig(".", "train.py", words)
    config.run_config.data_references = {
        "raw": DataReferenceConfiguration("store", "download", "a/b/"),
        "r": DataReferenceConfiguration("other"),
    }
    data = config.data()
    assert config.checked_arguments(data) == ["--in=${{inputs.raw}}/2026", "$AZUREML_DATAREFERENCE_x"]
    (place,) = data.inputs["raw"].places
    assert (place.datastore, place.path, list(data.inputs), data.outputs) == ("store", "a/b", ["raw"], {})
    config.arguments = ["$AZUREML_DATAREFERENCE_out"]
    goes_out = DataReferenceConfiguration("store", "upload", "c", overwrite=True)
    config.run_config.data_references = {"out": goes_out}
    data = config.data()
    assert config.checked_arguments(data) == ["${{outputs.out}}"]
    assert data.outputs["out"] == WireOutput(datastore="store", path="c", overwrite=True)
    with pytest.raises(InvalidParameter, match="mode"):
        DataReferenceConfiguration("store", "direct")  # type: ignore[arg-type]
