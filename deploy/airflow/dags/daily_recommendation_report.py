"""An Airflow DAG: the report of the day before, every day at 20:00 UTC; days that were missed are made up for.

The first day is that of the environment variable NEARSET_REPORTS_SINCE, 2026-11-01 where it is empty.
"""

import os
from datetime import datetime, timedelta, timezone

from nearset_tasks import DAG, Nearset


def of_the_day_before(context):
    # of a run that somebody starts by hand there may be no interval
    end = context.get("data_interval_end") or context["dag_run"].run_after
    return ["report", "--date", (end - timedelta(days=1)).strftime("%Y-%m-%d")]


with DAG(
    dag_id="daily_recommendation_report",
    schedule="0 20 * * *",
    start_date=datetime.fromisoformat(os.environ.get("NEARSET_REPORTS_SINCE") or "2026-11-01").replace(tzinfo=timezone.utc),
    catchup=True,
    max_active_runs=1,
    default_args={"retries": 1, "retry_delay": timedelta(minutes=10)},
    tags=["nearset"],
    doc_md=__doc__,
):
    Nearset(
        task_id="generate_daily_report",
        does="Writes the report of the day before: `nearset report --date DAY`.",
        arguments=of_the_day_before,
    )
