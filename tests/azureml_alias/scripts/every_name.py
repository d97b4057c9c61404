"""Prints what every name of the alias is, as JSON: run alone, since an alias stays."""

import importlib
import json

import runyard.azureml
from runyard.azureml.names import ABSENT, ABSENT_MODULES, HOMES

runyard.azureml.install()
said = {}
for module, names in {**HOMES, **{each: HOMES.get(each, {}) | ABSENT[each] for each in ABSENT}}.items():
    for name in names:
        found = getattr(importlib.import_module(module), name)
        said[f"{module}.{name}"] = getattr(found, "__name__", found)
for module in ABSENT_MODULES:
    said[f"{module}.below.Any"] = importlib.import_module(f"{module}.below").Any.__name__
print(json.dumps(said))
