"""The environments that come with the server, the same in each workspace and changed by nobody.

Who trains with one of them finds next year what it was: a change here is another version, put behind those
that there are.
"""

from __future__ import annotations

from runyard.entities.environment import CondaSpec, Environment, EnvironmentSpec, PythonSpec

_CHANNELS = ("conda-forge",)
_FROM = ("python=3.11", "pip")
_RELEASED_MS = 1_795_564_800_000  # 2026-11-25


def _environment(name: str, description: str, *pip: str, version: int = 1) -> Environment:
    conda = CondaSpec(_CHANNELS, _FROM, pip)
    return Environment(
        workspace="",
        name=name,
        version=version,
        spec=EnvironmentSpec(PythonSpec(conda=conda)),
        created_ms=_RELEASED_MS,
        created_by="Runyard",
        description=description,
        latest_version=version,
    )


CURATED: tuple[Environment, ...] = (
    _environment(
        "Runyard-Minimal", "Python and a client of MLflow's, to build one's own from.", "mlflow-skinny>=3,<4"
    ),
    _environment(
        "Runyard-PyTorch",
        "PyTorch with torchvision.",
        "mlflow-skinny>=3,<4",
        "numpy>=2,<3",
        "torch>=2.6,<3",
        "torchvision>=0.21,<1",
    ),
    _environment(
        "Runyard-Sklearn",
        "scikit-learn with pandas, matplotlib and skops.",
        "mlflow-skinny>=3,<4",
        "matplotlib>=3.10,<4",
        "numpy>=2,<3",
        "pandas>=2.2,<3",
        "scikit-learn>=1.6,<2",
        "skops>=0.13,<1",
    ),
    _environment(
        "Runyard-XGBoost",
        "XGBoost with pandas and scikit-learn.",
        "mlflow-skinny>=3,<4",
        "numpy>=2,<3",
        "pandas>=2.2,<3",
        "scikit-learn>=1.6,<2",
        "xgboost>=3,<4",
    ),
)
"""By name; of each the versions that there were, the last one last."""
