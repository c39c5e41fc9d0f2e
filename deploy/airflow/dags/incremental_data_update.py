"""An Airflow DAG: what is new, every four hours, under the ids that this had before nearset."""

from datetime import datetime, timedelta, timezone

from nearset_tasks import DAG, SWITCHES, Nearset, in_a_row

with DAG(
    dag_id="incremental_data_update",
    schedule="0 */4 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 1, "retry_delay": timedelta(minutes=5)},
    params=SWITCHES,
    tags=["nearset"],
    doc_md=__doc__,
):
    *_, recall = in_a_row(
        Nearset(
            task_id="extract_incremental_data",
            does="Takes in what is new at the sources: `nearset run --only extract`.",
            arguments=["run", "--only", "extract"], is_run=True, extracts=True,
        ),
        Nearset(
            task_id="build_features",
            does="Makes of the rows all that training reads: `nearset run --only features`.",
            arguments=["run", "--only", "features"], is_run=True,
        ),
        Nearset(
            task_id="train_models",
            does="Trains, measures and publishes the new model unless it is clearly worse: `nearset run --from train`.",
            arguments=["run", "--from", "train"], is_run=True,
        ),
        Nearset(
            task_id="update_recall_engine",
            does="Lists the versions. Neighbours and channels are part of a version; train_models made them.",
            arguments=["models", "list"],
        ),
    )
    recall >> [
        Nearset(
            task_id="reload_api_models",
            does="Nothing: a server looks at the current version every second and takes up a new one by itself.",
        ),
        Nearset(
            task_id="clear_redis_cache",
            does="Nothing: there is no Redis. Cached lists belong to a version and go with it.",
        ),
    ]
