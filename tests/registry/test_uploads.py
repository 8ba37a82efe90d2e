"""Uploaded models in the registry: their versions, what an export makes of them, and how they go."""

from typing import Any

import pytest
from sqlmodel import Session, select

from registry import catalog, database
from registry.accounts import local_user
from registry.catalog import Endpoint, Model
from registry.errors import Conflict, Unavailable
from registry.export_jobs import MOST_QUEUED, ExportJob, JobStatus, add_job, finish, unfinished
from registry.uploads import Parts, add_upload, delete_model, kept_files

ACTOR = "user:ada"


def upload(session: Session, name: str = "churn", digest: str = "a" * 64, **parts: Any) -> tuple[Model, bool]:
    """Upload a file of that digest."""
    told = Parts(file_name="x", format="onnx", size=3, **parts).model_dump(mode="json")
    row = Model(
        name=name, version=0, framework="onnx", sha256=digest, source_sha256="", runtime="onnx", signature={},
        size_bytes=3, upload=digest, upload_parts=told,
    )  # fmt: skip
    return add_upload(session, row, actor=ACTOR)


def built(name: str, version: int) -> Model:
    """What an export writes down."""
    return Model(
        name=name, version=version, framework="onnx", sha256="b", source_sha256="s", runtime="onnx", signature={"a": 1},
        size_bytes=9, tag=f"{name}:v{version}", report={"bento": f"{name}:v{version}"},
    )  # fmt: skip


def export(session: Session, model: Model, upload_row: Model | None) -> Endpoint:
    """Put an endpoint in front of what was built."""
    kept = catalog.put_model(session, model, upload_row, actor=ACTOR)
    path = f"/api/predict/{model.name}"
    return catalog.put_endpoint(session, name=model.name, path=path, model=kept, bento=str(model.tag), actor=ACTOR)


def test_the_same_upload_is_one_version_and_another_is_the_next(store: str) -> None:
    with database.session() as session:
        (first, is_new), (again, is_new_again) = upload(session), upload(session)
        assert (first.version, is_new, again.id, is_new_again) == (1, True, first.id, False)
        assert upload(session, classes=["a", "b"])[0].version == 2
        assert upload(session, digest="b" * 64)[0].version == 3
        assert upload(session, "other")[0].version == 1
        assert kept_files(session) == {"a" * 64, "b" * 64}


def test_an_export_fills_the_uploads_row_in_and_its_end_empties_it(store: str) -> None:
    with database.session() as session:
        model, _ = upload(session, sample="c" * 64, sample_suffix=".csv")
        endpoint = export(session, built("churn", 1), model)
        assert (endpoint.model_id, model.is_built, model.size_bytes, model.signature) == (model.id, True, 9, {"a": 1})
        again = export(session, built("churn", 2), model)
        assert again.model_id != model.id, "what is built already stays as it is"
        with pytest.raises(Conflict, match="churn serves this model"):
            delete_model(session, again.model, actor=ACTOR)

        removed = catalog.delete_endpoint(session, again, actor=ACTOR)
        assert removed.tags == ["churn:v1", "churn:v2"] == removed.bentos
        (left,) = session.exec(select(Model)).all()
        assert (left.id, left.is_built, left.tag, left.size_bytes) == (model.id, False, None, 3)
        assert kept_files(session) == {"a" * 64, "c" * 64}
        delete_model(session, left, actor=ACTOR)
        assert kept_files(session) == set()


def test_a_few_jobs_wait_at_each_place_and_their_model_with_them(store: str) -> None:
    with database.session() as session:
        model, _ = upload(session)
        user = local_user(session)

        def ask(place: str = "here") -> ExportJob:
            return add_job(session, ExportJob(model_id=model.id, user_id=user.id, place=place, endpoint="churn"))

        jobs = [ask() for _ in range(MOST_QUEUED)]
        with pytest.raises(Unavailable) as refused:
            ask()
        assert refused.value.headers == {"Retry-After": "30"} and ask("elsewhere").id
        with pytest.raises(Conflict, match="is being exported"):
            delete_model(session, model, actor=ACTOR)
        jobs[0].status = JobStatus.RUNNING
        finish(session, jobs[1], error="no")
        finish(session, jobs[2], result={"endpoint": "churn"})
        assert [job.id for job in unfinished(session, "here")] == [jobs[0].id, *(job.id for job in jobs[3:])]
        assert [jobs[1].status, jobs[2].status] == [JobStatus.FAILED, JobStatus.SUCCEEDED] and ask().id
