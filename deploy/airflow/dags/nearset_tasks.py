"""Tasks that run nearset: what every DAG beside this file is made of. For Airflow 2.4 and later, and 3.

The program is what the environment variable NEARSET names (`nearset` where it is empty), called in the folder NEARSET_HOME,
where nearset.toml or .env say the rest. Its arguments are a list: no shell reads them, so nothing of a DAG run's conf can
become a command.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
from collections import deque
from datetime import timedelta

from airflow.exceptions import AirflowException, AirflowFailException

try:
    from airflow.sdk import DAG, Param
    from airflow.sdk.bases.sensor import BaseSensorOperator, PokeReturnValue
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.models.param import Param
    from airflow.sensors.base import BaseSensorOperator, PokeReturnValue

__all__ = ["DAG", "SWITCHES", "Nearset", "in_a_row"]

# the keys of a DAG run's conf
SWITCHES = {
    "full_refresh": Param(False, type="boolean", description="Read all sources again, from their first row or file on"),
    "dry_run": Param(False, type="boolean", description="Say what would be read and done, and do nothing"),
}

LOCKED, REFUSED, HELD_BACK, WRONG_USAGE = 3, 4, 5, 2


class Nearset(BaseSensorOperator):
    """Runs nearset once. While another run holds the lock it frees its slot and asks again later, which uses up no retry;
    that is why it is a sensor. What its exit codes mean:

    0: done. 5: done, and the new model, clearly worse, was held back; the task's XCom says `held_back`. 4: a check failed and
    nothing was published; 2: wrong usage: both fail at once, since trying again changes nothing. All else: retries.
    """

    ui_color = "#e8f1ea"

    def __init__(self, *, does: str, arguments: list[str] | None = None, is_run: bool = False, extracts: bool = False, **more):
        more.setdefault("poke_interval", timedelta(minutes=5).total_seconds())
        more.setdefault("timeout", timedelta(hours=6).total_seconds())
        super().__init__(mode="reschedule", doc_md=does, **more)
        self.does, self.arguments, self.is_run, self.extracts = does, arguments, is_run, extracts
        self._child: subprocess.Popen | None = None

    def poke(self, context):
        arguments, is_dry = self.arguments, switch(context, "dry_run")
        if arguments is None or (is_dry and not self.is_run):
            self.log.info("%s", "a dry run: nothing to do here" if is_dry else self.does)
            return True
        if callable(arguments):
            arguments = arguments(context)
        if self.is_run:
            arguments = [*arguments, *self.options(context, is_dry)]
        code, last = self.call(arguments, context)
        said = f"nearset {' '.join(arguments[:3])} exited with {code}: {last}"
        if code == LOCKED:
            self.log.info("another run goes on; this asks again in %s s", self.poke_interval)
            return False
        if code == HELD_BACK:
            self.log.warning("the figures are published, the new model is held back: %s", last)
            return PokeReturnValue(is_done=True, xcom_value="held_back")
        if code in (REFUSED, WRONG_USAGE):
            raise AirflowFailException(said)
        if code != 0:
            raise AirflowException(said)
        return True

    def options(self, context, is_dry: bool) -> list[str]:
        """Steps after extraction stand for the very moment that it stood for, so that a chain of them leaves what one run does."""
        options = ["--dry-run"] if is_dry else []
        if self.extracts:
            return options + (["--full-refresh"] if switch(context, "full_refresh") else [])
        return options if is_dry else options + ["--as-of", self.published_moment(context)]

    def published_moment(self, context) -> str:
        query = "select strftime(as_of, '%Y-%m-%dT%H:%M:%SZ') as as_of from raw.run_parameters"
        code, said = self.call(["sql", query, "--format", "json"], context, is_quiet=True)
        if code != 0:
            raise AirflowException(f"no moment of the published warehouse: {said}")
        return json.loads(said)[0]["as_of"]

    def call(self, arguments: list[str], context, *, is_quiet: bool = False) -> tuple[int, str]:
        """The exit code, and the last line said; all of what was said where it is quiet."""
        command = shlex.split(os.environ.get("NEARSET") or "nearset") + arguments
        run = context["dag_run"]
        names = {"DAG_ID": run.dag_id, "TASK_ID": self.task_id, "DAG_RUN_ID": run.run_id}
        environment = {**os.environ, **{f"AIRFLOW_CTX_{name}": str(value) for name, value in names.items()}}
        said: deque[str] = deque(maxlen=None if is_quiet else 1)
        self._child = subprocess.Popen(
            command, cwd=os.environ.get("NEARSET_HOME") or None, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace",
            start_new_session=True,
        )
        with self._child as child:
            for line in child.stdout:
                said.append(line.rstrip())
                if not is_quiet:
                    self.log.info("%s", line.rstrip())
        return child.returncode, "\n".join(said)

    def on_kill(self) -> None:
        """Whoever stops the task cancels the run: nothing of it is published then."""
        if self._child is not None and self._child.poll() is None:
            os.killpg(self._child.pid, signal.SIGTERM)


def switch(context, name: str) -> bool:
    """A switch of the DAG run's conf."""
    value = (context["dag_run"].conf or {}).get(name, context["params"].get(name, False))
    known = {"true": True, "false": False}
    if not isinstance(value, bool) and str(value).lower() not in known:
        raise AirflowFailException(f"conf {name} is true or false, not {value!r}")
    return value if isinstance(value, bool) else known[str(value).lower()]


def in_a_row(*tasks):
    """Each task after the one before it."""
    for before, after in zip(tasks, tasks[1:]):
        before >> after
    return tasks
