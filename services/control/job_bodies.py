"""What the control plane reads and answers of exports under way, and of changes of those that stand."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, Field

from registry.export_jobs import ExportJob, JobStatus
from services.control.bodies import Body, Span

_NAME = r"^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$"
_TEXT = r"^[^\x00-\x1f\x7f]*$"


class ExportAsked(Body):
    """How a model is to be exported; what isn't given is as on the command line."""

    name: str | None = Field(
        None, pattern=_NAME, max_length=63, description="The endpoint's name; the model's.", examples=["churn"]
    )
    rate_limit: str | None = Field(
        None, min_length=1, max_length=64, description="Calls a key may make.", examples=["100/minute"]
    )
    compile: bool = Field(True, description="Whether it may be served as an ONNX graph.", examples=[True])


class JobAnswer(BaseModel):
    """An export that is queued."""

    job_id: int = Field(examples=[5])
    status: JobStatus
    progress: list[str] = Field(default=[], description="What is being done, a line each.", examples=[[]])
    location: str = Field(description="Ask there how far it is.", examples=["/api/jobs/5"])


class JobDetails(JobAnswer):
    """How far an export is, and what came of it."""

    model_id: int | None = Field(description="Null once the model is deleted.", examples=[12])
    endpoint: str = Field(examples=["churn"])
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None = Field(description="Why it failed, in one line.", examples=[None])
    result: dict[str, Any] | None = Field(
        description="What `modelport export -o json` prints. `api_key` is in the first answer to whoever asked for the "
        "export, and never again.",
        examples=[{"endpoint": "churn", "url": "http://127.0.0.1:3000/api/predict/churn", "api_key": "mp_live_…"}],
    )

    @classmethod
    def of(cls, job: ExportJob, api_key: str | None) -> Self:
        """A job, with the key that was made for who asks."""
        known = job.model_dump(exclude={"id", "user_id", "place", "rate_limit", "compile", "key_due", "result"})
        result = None if job.result is None else job.result | {"api_key": api_key}
        return cls(**known, job_id=job.id, location=f"/api/jobs/{job.id}", result=result)


class StatusChange(Body):
    """An endpoint is switched on or off."""

    status: Literal["active", "inactive"] = Field(examples=["inactive"])
    reason: str | None = Field(None, max_length=300, pattern=_TEXT, examples=["retraining"])


class LimitChange(Body):
    """An endpoint gets a limit of its own, or the platform's."""

    rate_limit: str | None = Field(
        min_length=1, max_length=64, description="Null for the platform's.", examples=["100/minute"]
    )


class KeyChange(Body):
    """An endpoint's own key is replaced."""

    grace: Span = Field(
        "0", max_length=8, description="How long the old key works on: 30m, 24h, 7d at most, or 0.", examples=["24h"]
    )


class NewKeyAnswer(BaseModel):
    """An endpoint's new key, which is shown this once."""

    endpoint: str = Field(examples=["churn"])
    key_id: str = Field(description="Its public part.", examples=["05yo6bvwPbAI"])
    api_key: str = Field(examples=["mp_live_05yo6bvwPbAI_…"])
    expires_at: datetime | None
    replaced: list[str] = Field(
        description="The public parts of the keys that it replaces.", examples=[["8hT0c1Qx9ZaB"]]
    )
