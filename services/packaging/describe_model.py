"""Child process of `export`: loads a model file, infers its signature, and asks it for its own answers to the sample."""

from services.packaging.job import Described, Job
from services.packaging.loading import describe_model, framework_of, load_model, packages_of
from services.packaging.timing import time_calls


def prepare(job: Job) -> None:
    """Nothing can be done before the model is there to be loaded."""


def work(job: Job) -> Described:
    """The description, and what the original model predicts for the sample as the user's own code hands it over."""
    model, remarks = load_model(job)
    framework = framework_of(job, model)
    description, runtime = describe_model(job, framework, model)
    return Described(
        framework=framework,
        signature=description.signature.model_dump(mode="json"),
        rows=[list(row) for row in description.rows],
        expected=runtime.predict_values(description.values),
        timings=time_calls(runtime, description.calls),
        packages=packages_of(),
        remarks=remarks + description.remarks,
    )
