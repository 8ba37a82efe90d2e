"""Does the queued exports of this machine, one after the other, and ends when there are none.

Only one such process works at a time, by a lock that the kernel frees. It ends with the worker that started it: the
worker holds the other end of its standard input. An export that is under way then fails, with the reason; what is still
queued is done by the next process.
"""

import logging
import os
import signal
import sys
import threading
from pathlib import Path
from time import monotonic, sleep
from typing import NoReturn

from sqlmodel import Session, col, select

from registry.accounts import User
from registry.catalog import Endpoint, Model
from registry.clock import now
from registry.database import exclusive, reading, session
from registry.errors import ExportError, Forbidden, PlatformError
from registry.export_jobs import ExportJob, JobStatus, finish, unfinished
from registry.settings import settings
from registry.uploads import parts_of
from services.exporting import Exported, Request, export
from services.inference.manifest import sha256_of
from services.jobs.places import without_places
from services.jobs.queue import place
from services.packaging.children import TIMEOUT
from services.packaging.formats import FORMATS
from services.packaging.locks import lock, unlock
from services.packaging.unpacking import lay_out
from services.packaging.written import exported_object
from services.security.permissions import Permission, require
from services.uploads import kept
from services.uploads.admission import limits

PATIENCE = 1.0  # seconds: whoever only looks whether somebody works holds the lock for a moment
ENDED = "the server ended while this export was under way: ask for it again"

log = logging.getLogger("modelport.jobs")


class Stopped(BaseException):
    """The worker that started this process is gone, or somebody has ended it."""


def main() -> None:
    """Work until nothing is queued here, or somebody else works."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's to hear
    threading.Thread(target=_end_with_worker, daemon=True).start()
    try:
        while _queued() and (held := _take()) is not None:  # once more after each release: one may have come meanwhile
            try:
                _work()
            finally:
                unlock(lock_path(), held)
    except Stopped:
        sys.exit(1)


def lock_path() -> Path:
    """What the process that works on this machine holds."""
    return settings().home / "jobs" / ".working"


def _work() -> None:
    with session() as opened:
        exclusive(opened)
        for left in unfinished(opened, place()):
            if left.status == JobStatus.RUNNING:  # whose process was killed: nobody else holds the lock
                finish(opened, left, error=ENDED)
    kept.Change.recover()
    while (job := _next()) is not None:
        _do(job)


def _do(job: ExportJob) -> None:
    """One export from beginning to end; whatever happens, the job says what came of it."""
    assert job.id is not None
    try:
        exported = _export(job)
        for remark in exported.remarks:
            _note(job.id, f"Note: {remark}")
    except Stopped:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _fail(job.id, ENDED)
        raise
    except PlatformError as error:
        _fail(job.id, error.message)
    except Exception as error:
        log.error("export job %s failed", job.id, exc_info=error)
        _fail(job.id, "something went wrong here; the server's log has it")


def _export(job: ExportJob) -> Exported:
    assert job.id is not None
    number = job.id
    with reading() as opened:
        model = opened.get(Model, job.model_id) if job.model_id is not None else None
    if model is None or model.upload is None:
        raise ExportError("the model was deleted meanwhile")
    parts, chosen = parts_of(model), limits(TIMEOUT)
    with kept.Change() as change:
        upload = kept.path_of(model.upload)
        if not upload.is_file() or sha256_of(upload) != model.upload:
            raise ExportError("the model's file is missing or was changed: upload it again")
        request = Request(
            path=lay_out(upload, FORMATS[parts.format], change.folder / "model", chosen.file_bytes),
            name=job.endpoint,
            sample=_sample(parts.sample, change.folder / f"sample{parts.sample_suffix}"),
            classes=parts.classes,
            rate_limit=job.rate_limit,
            compile=job.compile,
            upload=model.id,
            limits=chosen,
        )
        return export(request, lambda line: _note(number, line), Asked(number))


def _sample(digest: str | None, path: Path) -> Path | None:
    """The sample under a name that says how to read it."""
    if digest is not None:
        path.symlink_to(kept.path_of(digest))
    return path if digest is not None else None


class Asked:
    """For whom the job is done; it succeeds in the very transaction that writes the endpoint down."""

    def __init__(self, job_id: int) -> None:
        self._id = job_id

    def begin(self) -> None:
        """Find out whether they still may."""
        with reading() as opened:
            self.actor(opened)

    def actor(self, session: Session) -> str:
        """The name of the user, if the registry says today that they may export."""
        job = session.get_one(ExportJob, self._id)
        user = session.get(User, job.user_id) if job.user_id is not None else None
        if user is None or not user.is_active:
            raise Forbidden("The user who asked for this is gone.")
        require(user.role, Permission.EXPORTS_WRITE)
        return f"user:{user.username}"

    def written(self, session: Session, endpoint: Endpoint, is_new: bool) -> None:
        """Say what was exported; a new endpoint's first key is made when it is asked for."""
        job = session.get_one(ExportJob, self._id)
        job.key_due = is_new
        finish(session, job, result=exported_object(endpoint, None))


def _queued() -> bool:
    with reading() as opened:
        return bool(unfinished(opened, place()))


def _take() -> int | None:
    end = monotonic() + PATIENCE
    while (held := lock(lock_path(), wait=False)) is None and monotonic() < end:
        sleep(0.05)
    return held


def _next() -> ExportJob | None:
    """The oldest queued job, which is running from now on."""
    with session() as opened:
        exclusive(opened)
        queued = (job for job in unfinished(opened, place()) if job.status == JobStatus.QUEUED)
        job = next(queued, None)
        if job is not None:
            job.status, job.started_at = JobStatus.RUNNING, now()
            opened.add(job)
        return job


def _note(job_id: int, line: str) -> None:
    with session() as opened:
        job = opened.get_one(ExportJob, job_id)
        job.progress = [*job.progress, line]
        opened.add(job)


def _fail(job_id: int, reason: str) -> None:
    """The job failed, unless it had succeeded before: what came after that is no fault of it."""
    with session() as opened:
        exclusive(opened)
        running = select(ExportJob).where(ExportJob.id == job_id, col(ExportJob.status) == JobStatus.RUNNING)
        job = opened.exec(running).first()
        if job is not None:
            finish(opened, job, error=without_places(reason))


def _end_with_worker() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _stop(*_: object) -> NoReturn:
    raise Stopped
