"""Exports that were asked for over HTTP: who asked, how far they are, and what came of them.

A job belongs to the machine whose folder holds the model's file; only its process takes it. No key stands here: the
first one is made when the user who asked hears that the export succeeded.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, Session, SQLModel, col, delete, func, select

from registry.clock import now
from registry.columns import BigId, UtcDateTime, choice
from registry.database import exclusive
from registry.errors import Unavailable

MOST_QUEUED = 16
KEPT = timedelta(days=30)
_SECONDS_EACH = 30  # about what an export takes


class JobStatus(StrEnum):
    """How far a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


UNFINISHED = (JobStatus.QUEUED, JobStatus.RUNNING)


class ExportJob(SQLModel, table=True):
    """One export that was asked for."""

    __tablename__ = "export_jobs"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    status: JobStatus = Field(default=JobStatus.QUEUED, sa_column=choice(JobStatus, index=True))
    model_id: int | None = Field(default=None, foreign_key="models.id", ondelete="SET NULL", index=True)
    user_id: int | None = Field(default=None, foreign_key="users.id", ondelete="SET NULL", index=True)
    place: str = Field(description="The machine that has the file.")
    endpoint: str
    rate_limit: str | None = None
    compile: bool = True
    progress: list[str] = Field(default_factory=list, sa_type=JSON)
    error: str | None = None
    result: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    key_due: bool = Field(default=False, description="Whether a first key is still to be made for who asked.")
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


def add_job(session: Session, job: ExportJob) -> ExportJob:
    """Queue a job, and forget those of a month ago; Unavailable when too many wait at its place."""
    exclusive(session)
    waiting = select(func.count()).where(ExportJob.place == job.place, ExportJob.status == JobStatus.QUEUED)
    if session.exec(waiting).one() >= MOST_QUEUED:
        raise Unavailable("Too many exports wait already.", headers={"Retry-After": str(_SECONDS_EACH)})
    session.exec(delete(ExportJob).where(col(ExportJob.finished_at) < now() - KEPT))
    session.add(job)
    session.flush()
    return job


def unfinished(session: Session, place: str) -> Sequence[ExportJob]:
    """What is queued or running at a place, in the order in which it was asked for."""
    chosen = select(ExportJob).where(ExportJob.place == place, col(ExportJob.status).in_(UNFINISHED))
    return session.exec(chosen.order_by(col(ExportJob.id))).all()


def finish(session: Session, job: ExportJob, *, error: str | None = None, result: dict[str, Any] | None = None) -> None:
    """End a job, well or badly."""
    job.status = JobStatus.SUCCEEDED if error is None else JobStatus.FAILED
    job.error, job.result, job.finished_at = error, result, now()
    session.add(job)
    session.flush()
