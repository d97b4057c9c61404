"""The tables of MLflow's databases of the versions 1.30 to 3.17, as far as they are read."""

from __future__ import annotations

from sqlalchemy import Column, Engine, MetaData, Table, inspect
from sqlalchemy.types import NullType

from runyard.errors import InvalidParameter

# What is read; columns after the bar came with later versions of MLflow.
_COLUMNS = {
    "experiments": "experiment_id name artifact_location lifecycle_stage"
    " | creation_time last_update_time workspace",
    "experiment_tags": "key value experiment_id",
    "runs": "run_uuid name user_id status start_time end_time lifecycle_stage artifact_uri experiment_id"
    " | deleted_time",
    "metrics": "key value timestamp step is_nan run_uuid",
    "params": "key value run_uuid",
    "tags": "key value run_uuid",
}
_LATER = {
    "datasets": "dataset_uuid name digest dataset_source_type dataset_source dataset_schema dataset_profile",
    "inputs": "input_uuid source_type source_id destination_type destination_id | step",
    "input_tags": "input_uuid name value",
    "logged_models": "model_id experiment_id name artifact_location creation_timestamp_ms"
    " last_updated_timestamp_ms status lifecycle_stage model_type source_run_id",
    "logged_model_metrics": "model_id metric_name metric_timestamp_ms metric_step metric_value run_id"
    " dataset_name dataset_digest",
    "logged_model_params": "model_id param_key param_value",
    "logged_model_tags": "model_id tag_key tag_value",
    "registered_models": "name creation_time last_updated_time description | workspace",
    "registered_model_tags": "name key value | workspace",
    "registered_model_aliases": "name alias version | workspace",
    "model_versions": "name version creation_time last_updated_time description current_stage source run_id"
    " | run_link storage_location workspace",
    "model_version_tags": "name version key value | workspace",
    "trace_info": "request_id experiment_id timestamp_ms execution_time_ms status"
    " | client_request_id request_preview response_preview trace_name session_id input_tokens output_tokens"
    " total_tokens cache_read_input_tokens cache_creation_input_tokens cache_creation_input_tokens_above_1hr"
    " input_cost output_cost total_cost",
    "trace_tags": "key value request_id",
    "trace_request_metadata": "key value request_id",
    "spans": "trace_id span_id content",
    "assessments": "assessment_id trace_id name assessment_type value error created_timestamp"
    " last_updated_timestamp source_type source_id span_id rationale overrides valid assessment_metadata",
    "evaluation_datasets": "dataset_id name schema digest created_time last_update_time created_by"
    " last_updated_by | workspace",
    "evaluation_dataset_tags": "dataset_id key value",
    "evaluation_dataset_records": "dataset_record_id dataset_id inputs expectations tags source created_time"
    " last_update_time created_by last_updated_by | outputs",
    "scorers": "scorer_id experiment_id scorer_name",
    "scorer_versions": "scorer_id scorer_version serialized_scorer creation_time",
    "online_scoring_configs": "online_scoring_config_id scorer_id sample_rate experiment_id filter_string",
    "label_schemas": "schema_id experiment_id name type instruction enable_comment input_type input_config"
    " created_time last_update_time is_default",
    "issues": "issue_id experiment_id name description status severity root_causes source_run_id categories"
    " created_timestamp last_updated_timestamp created_by",
    "entity_associations": "source_type source_id destination_type destination_id",
}


def known_tables(engine: Engine) -> dict[str, Table]:
    """Return what there is of the tables that are read, each with the columns that it has.

    Raises:
        InvalidParameter: It is not MLflow's, or of a version that is not known.
    """
    metadata, inspector, found = MetaData(), inspect(engine), {}
    names = set(inspector.get_table_names())
    if not {"experiments", "runs", "metrics"} <= names:
        raise InvalidParameter("This database is not MLflow's: it has no experiments, runs and metrics.")
    for name, text in {**_COLUMNS, **_LATER}.items():
        if name not in names and name in _LATER:
            continue
        there = {column["name"] for column in inspector.get_columns(name)} if name in names else set()
        needed, _, later = text.partition("|")
        lacking = set(needed.split()) - there
        if lacking:
            raise InvalidParameter(
                f"The schema of this database is of a version that is not known: {name} lacks "
                f"{', '.join(sorted(lacking))}. Those of MLflow 1.30 to 3.17 are; upgrade a copy with "
                "`mlflow db upgrade`."
            )
        columns = [Column(each, NullType()) for each in (*needed.split(), *later.split()) if each in there]
        found[name] = Table(name, metadata, *columns)
    return found
