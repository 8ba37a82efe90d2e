"""Writes the MLflow model that `mlflow models serve` serves: `save.py MODEL.joblib FOLDER`.

No signature: MLflow then skips its schema checks, which is its fastest way to answer.
"""

import shutil
import sys

import joblib
import mlflow.sklearn

source, target = sys.argv[1:]
shutil.rmtree(target, ignore_errors=True)
mlflow.sklearn.save_model(joblib.load(source), target, serialization_format="cloudpickle", pip_requirements=[])
