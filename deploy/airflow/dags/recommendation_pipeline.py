"""An Airflow DAG: the whole pipeline, every day at 02:00 in Beijing, under the ids that it had before nearset."""

from datetime import datetime, timedelta, timezone

from nearset_tasks import DAG, SWITCHES, Nearset, in_a_row

POOL = "RECSYS_HEAVY_POOL"

with DAG(
    dag_id="recommendation_pipeline",
    schedule="0 18 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 1, "retry_delay": timedelta(minutes=10), "pool": POOL},
    params=SWITCHES,
    tags=["nearset"],
    doc_md=__doc__,
):
    in_a_row(
        Nearset(
            task_id="extract_load",
            does="Takes in what is new at the sources: `nearset run --only extract`.",
            arguments=["run", "--only", "extract"], is_run=True, extracts=True,
        ),
        Nearset(
            task_id="build_features",
            does="Holds the rows to their contracts and makes of them all that training reads: `nearset run --only features`.",
            arguments=["run", "--only", "features"], is_run=True,
        ),
        Nearset(
            task_id="data_quality",
            does="Shows what was set aside, and why. Contracts and checks were held in build_features, which fails where one that "
            "is critical is broken; scores are worked out in train_models.",
            arguments=["sql", "from set_aside"],
        ),
        Nearset(
            task_id="aggregate_matomo_events",
            does="Shows the page views of the last days. build_features made them.",
            arguments=["sql", "select day, count(*) as page_views from page_views group by day order by day desc limit 14"],
        ),
        Nearset(
            task_id="build_training_labels",
            does="Shows how many views training may see. build_features made them.",
            arguments=["sql", "select count(*) as views, count(distinct dataset_id) as datasets from training_views"],
        ),
        Nearset(
            task_id="train_models",
            does="Trains, replays held-out visits, works out all figures and reports, and makes the new model current unless it is "
            "clearly worse: `nearset run --from train`. The three are one, since a model that nobody has measured is not published.",
            arguments=["run", "--from", "train"], is_run=True,
        ),
        Nearset(
            task_id="recall_engine",
            does="Lists the versions. Neighbours and channels are part of a version; train_models made them.",
            arguments=["models", "list"],
        ),
        Nearset(
            task_id="evaluate",
            does="Shows the figures on held-out visits. train_models worked them out.",
            arguments=["sql", "from offline_metrics"],
        ),
        Nearset(
            task_id="train_channel_weights",
            does="Shows each channel beside the whole. Their weights are the ranker's, which train_models learned.",
            arguments=["sql", "from offline_comparison"],
        ),
        Nearset(
            task_id="reconcile_metrics",
            does="Sets the figures beside the orders and writes the reports: `nearset run --only reconcile`.",
            arguments=["run", "--only", "reconcile"], is_run=True,
        ),
    )
