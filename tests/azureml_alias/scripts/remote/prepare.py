"""A script that is handed data with Azure ML's first SDK."""

import argparse
import os

from azureml.core import Dataset, Run

parser = argparse.ArgumentParser()
for name in ("--folder", "--reference", "--table", "--output"):
    parser.add_argument(name, required=True)
given = parser.parse_args()

run = Run.get_context()
assert run.input_datasets["raw"] == given.folder
table = run.input_datasets["iris"].to_pandas_dataframe()
assert Dataset.get_by_id(run.experiment.workspace, given.table).name == "iris"
assert os.listdir(given.folder) == os.listdir(given.reference) == ["iris.csv"]
run.log("total", int(table["b"].sum()))
with open(os.path.join(given.output, "total.txt"), "w") as file:
    file.write(str(table["b"].sum()))
