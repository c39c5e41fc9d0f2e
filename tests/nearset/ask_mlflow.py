"""What MLflow's own client finds in each of the stores named on the command line, as JSON."""

import hashlib
import json
import sys
import tempfile

import mlflow
from mlflow import MlflowClient

EXPERIMENT = "dataset_recommendation"


def files(client, run, folder=None):
    for entry in client.list_artifacts(run, folder):
        if entry.is_dir:
            yield from files(client, run, entry.path)
        else:
            yield entry.path


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def ask(uri, folder):
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    client = MlflowClient()
    found = mlflow.search_runs(experiment_names=[EXPERIMENT], output_format="list")
    models = mlflow.search_registered_models()
    return {
        "runs": [
            {
                "id": run.info.run_id,
                "name": run.info.run_name,
                "status": run.info.status,
                "artifact_uri": run.info.artifact_uri,
                "params": run.data.params,
                "metrics": run.data.metrics,
                "tags": run.data.tags,
                "points": len(client.get_metric_history(run.info.run_id, "content_item_count")),
                "files": sorted(files(client, run.info.run_id)),
            }
            for run in found
        ],
        "models": [
            {
                "name": model.name,
                "aliases": model.aliases,
                "versions": {
                    version.version: [version.tags["nearset.version"], version.run_id]
                    for version in client.search_model_versions(f"name = '{model.name}'")
                },
            }
            for model in models
        ],
        "champion": digest(
            mlflow.artifacts.download_artifacts(
                f"models:/{models[0].name}@champion", dst_path=tempfile.mkdtemp(dir=folder)
            )
            + "/manifest.json"
        ),
    }


print(json.dumps([ask(uri, sys.argv[1]) for uri in sys.argv[2:]]))
