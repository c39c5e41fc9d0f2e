"""Asks a real Airflow of deploy/airflow/dags: ask_airflow.py DAGS OUT [run DAG CONF]. Called by tests/nearset/airflow.rs.

One process for all questions, since to import Airflow takes seconds. What the command line answers, and the DAGs as they were
loaded, go to OUT as JSON; with `run`, also what became of each task of one run.
"""

import contextlib
import io
import json
import os
import sys

dags, out, *run = sys.argv[1:]


def command_line(*arguments):
    from airflow.__main__ import main

    said = io.StringIO()
    sys.argv = ["airflow", *arguments]
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        main()
    return said.getvalue()


import airflow  # noqa: E402

is_old = airflow.__version__.startswith("2.")
if is_old:
    from airflow.models import DagBag

    bag = DagBag(dags, include_examples=False)
else:
    from airflow.dag_processing.dagbag import DagBag
    command_line("dags", "reserialize")
    bag = DagBag(dags)

answers = {
    "version": airflow.__version__,
    "errors": command_line("dags", "list-import-errors"),
    "list": command_line("dags", "list", "--output", "json"),
}
answers["bag_errors"] = {path: str(error) for path, error in bag.import_errors.items()}
answers["dags"] = {
    dag.dag_id: {
        "schedule": dag.timetable.summary if is_old else dag.schedule,
        "catchup": dag.catchup,
        "tasks": [task.task_id for task in dag.topological_sort()],
        "edges": sorted([task.task_id, below] for task in dag.tasks for below in task.downstream_task_ids),
        "retries": sorted({(task.retries, task.retry_delay.total_seconds()) for task in dag.tasks}),
        "pools": sorted({task.pool for task in dag.tasks}),
        "params": sorted(dag.params),
        "undocumented": [task.task_id for task in dag.tasks if not task.doc_md],
    }
    for dag in bag.dags.values()
}


def becomes(code, conf):
    """What a task makes of an exit code, and of a conf."""
    from types import SimpleNamespace

    from nearset_tasks import Nearset

    os.environ["NEARSET"] = f"sh -c 'exit {code}' sh"
    task = Nearset(task_id=f"exits_with_{code}", does="Exits.", arguments=["models", "list"])
    context = {"dag_run": SimpleNamespace(conf=conf, dag_id="a", run_id="b"), "params": {}}
    try:
        done = task.poke(context)
        return getattr(done, "xcom_value", done)
    except Exception as error:  # noqa: BLE001
        return type(error).__name__


program = os.environ["NEARSET"]
sys.path.insert(0, dags)
answers["codes"] = [becomes(code, {}) for code in range(6)]
answers["conf"] = [becomes(0, {"dry_run": value}) for value in (True, "false", "$(reboot)")]
os.environ["NEARSET"] = program
if run:
    _, dag_id, conf = run
    done = bag.dags[dag_id].test(run_conf=json.loads(conf))
    answers["state"] = str(getattr(done.state, "value", done.state))
    answers["tasks"] = {ti.task_id: str(getattr(ti.state, "value", ti.state)) for ti in done.get_task_instances()}
with open(out, "w", encoding="utf-8") as file:
    json.dump(answers, file)
