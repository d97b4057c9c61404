"""What a job may read and write of data: names, places, datastores that there are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from runyard.entities.job import JobInput, JobOutput, JobSpec
from runyard.entities.run import Run
from runyard.errors import InvalidParameter
from runyard.protocol import asset_limits
from runyard.protocol.messages.data_assets import wire_data_asset
from runyard.protocol.messages.dataset_uses import dataset_use
from runyard.protocol.messages.runs import dataset_inputs
from runyard.protocol.wire import invalid
from runyard.services.call import Call
from runyard.services.data_assets import get_data_asset_by_id
from runyard.services.datastores import get_datastore
from runyard.stores.artifacts.paths import resolve_artifact_path

MAX_INPUTS = MAX_OUTPUTS = 50
MAX_PLACES = 1_000
RUN_ID = "{run_id}"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


def check_data(call: Call, spec: JobSpec) -> None:
    """Return if a job can have this data.

    Raises:
        InvalidParameter: A name, a path or a number of them can't be; the message says which.
        NotFound: There is no such datastore or data asset.
    """
    asset_limits.check_count(spec.inputs, MAX_INPUTS, "inputs")
    asset_limits.check_count(spec.outputs, MAX_OUTPUTS, "outputs")
    _check_names("inputs", spec.inputs)
    _check_names("outputs", spec.outputs)
    both = {each.name for each in spec.inputs} & {each.name for each in spec.outputs}
    if both:
        raise InvalidParameter(f"{min(both)!r} is the name of one of 'inputs' and of 'outputs'.")
    datastores = {each.datastore for each in spec.outputs}
    for each in spec.inputs:
        _check_input(call, each)
        datastores |= {place.datastore for place in each.places if place.datastore}
    for output in spec.outputs:
        _check_path(output.path.replace(RUN_ID, "0" * 32), f"outputs.{output.name}.path")
    for name in sorted(datastores):
        get_datastore(call, name)


def data_of_run(spec: JobSpec, run_id: str) -> JobSpec:
    """Return what a job runs, with the id of its run in the paths of its outputs."""
    outputs = (replace(each, path=each.path.replace(RUN_ID, run_id)) for each in spec.outputs)
    return replace(spec, outputs=tuple(outputs))


def note_inputs(call: Call, run: Run, spec: JobSpec) -> None:
    """Note in the run of a job, in the transaction of this thread, which data assets the job reads."""
    asset_ids = sorted({each.asset_id for each in spec.inputs if each.asset_id})
    if asset_ids:
        uses = [dataset_use(wire_data_asset(get_data_asset_by_id(call, each))) for each in asset_ids]
        call.stores.metadata.runs.add_inputs(run, dataset_inputs(uses), ())


def _check_input(call: Call, wanted: JobInput) -> None:
    field = f"inputs.{wanted.name}"
    asset_limits.check_count(wanted.places, MAX_PLACES, f"{field}.places")
    if wanted.asset_id:
        get_data_asset_by_id(call, wanted.asset_id)
    elif not wanted.places:
        raise InvalidParameter(f"'{field}' has neither 'places' nor an 'asset_id'.")
    for place in wanted.places:
        if not place.datastore and not place.path.strip("/"):
            raise InvalidParameter(f"'{field}.places' has one without a datastore and a path.")
        _check_path(place.path, f"{field}.places.path")


def _check_names(field: str, wanted: Iterable[JobInput | JobOutput]) -> None:
    for each in wanted:
        if _NAME.fullmatch(each.name) is None:
            raise invalid(field, each.name[:200], "A name has letters, digits and '_', no digit first.")


def _check_path(path: str, field: str) -> None:
    try:
        resolve_artifact_path(path, is_directory=True)
    except InvalidParameter:
        raise invalid(field, path[:200], "A path below the datastore's root, as 'scans/2026'.") from None
