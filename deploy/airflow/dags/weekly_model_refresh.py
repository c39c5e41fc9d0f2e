"""An Airflow DAG: the weekly refresh, on Saturdays at 12:00 UTC, under the ids that it had before nearset."""

from datetime import datetime, timedelta, timezone

from nearset_tasks import DAG, SWITCHES, Nearset, in_a_row

READY = """select if(count(*) > 0, count(*), error('there is no page view that training may see: look at set_aside and tracking_checks'))
as views from training_views"""

with DAG(
    dag_id="weekly_model_refresh",
    schedule="0 12 * * 6",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 1, "retry_delay": timedelta(minutes=15)},
    params=SWITCHES,
    tags=["nearset"],
    doc_md=__doc__,
):
    in_a_row(
        Nearset(
            task_id="aggregate",
            does="Makes of the rows that were taken in all that training reads: `nearset run --only features`.",
            arguments=["run", "--only", "features"], is_run=True,
        ),
        Nearset(
            task_id="verify_matomo_files",
            does="Shows up to when each source is known.",
            arguments=["sql", "from source_freshness"],
        ),
        Nearset(
            task_id="build_training_labels",
            does="Shows how many steps from page to page training may learn from. aggregate made them.",
            arguments=["sql", "select count(*) as steps from next_pages"],
        ),
        Nearset(
            task_id="verify_training_files",
            does="Shows how much is there of what training reads. A relation that is missing fails.",
            arguments=["sql", "select (select count(*) from training_views) as views, (select count(*) from training_orders) as "
            "orders, (select count(*) from dataset_texts) as texts"],
        ),
        Nearset(
            task_id="verify_training_readiness",
            does="Fails where there is nothing to learn from.",
            arguments=["sql", READY],
        ),
        Nearset(
            task_id="build_features",
            does="Nothing more: aggregate made the features, too.",
        ),
        Nearset(
            task_id="train",
            does="Trains, measures and publishes the new model unless it is clearly worse: `nearset run --from train`.",
            arguments=["run", "--from", "train"], is_run=True,
        ),
        Nearset(
            task_id="recall",
            does="Lists the versions. Neighbours and channels are part of a version; train made them.",
            arguments=["models", "list"],
        ),
        Nearset(
            task_id="reload_api_models",
            does="Nothing: a server looks at the current version every second and takes up a new one by itself.",
        ),
        Nearset(
            task_id="evaluate_tracking",
            does="Shows whether what was shown can be followed to what was opened and ordered.",
            arguments=["sql", "from tracking_checks"],
        ),
        Nearset(
            task_id="optimize_experiments",
            does="Shows what each variant of each experiment earned. nearset changes no experiment by itself: who decides reads this "
            "and edits experiments.toml.",
            arguments=["sql", "from variant_metrics_v2 order by all desc limit 40"],
        ),
    )
