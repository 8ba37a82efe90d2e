"""What a child says of a model that came from elsewhere is bounded, and tells nothing of the server's folders."""

import os
import subprocess
from pathlib import Path

import pytest

from registry.errors import ExportError
from services.packaging import children
from services.packaging.children import Child
from services.packaging.job import Failure, Job
from services.packaging.limits import Limits

LIMITS = Limits(memory_bytes=2**40, processor_seconds=60, file_bytes=2**30)


def child(folder: Path, *, code: int = 1, limits: Limits | None = LIMITS, log: str = "") -> Child:
    """A step that wrote a log, and ends with this exit code."""
    job = Job(
        folder=folder, parent=os.getpid(), endpoint="x", bento_version="", model_version="1", kind="model",
        limits=limits,
    )  # fmt: skip
    step = Child("admit_model", job)
    step._log.write_text(log)
    step._process = subprocess.Popen(["sh", "-c", f"read go; exit {code}"], stdin=subprocess.PIPE)
    return step


def reason(ended: Child) -> str:
    """The line that it ends in."""
    with pytest.raises(ExportError) as caught:
        ended.result()
    return caught.value.message


def test_a_failure_names_no_folder_of_the_server(tmp_path: Path) -> None:
    ended = child(tmp_path)
    ended.job.failure("admit_model").write_text(
        Failure(message=f"no file {tmp_path}/model/variables").model_dump_json()
    )
    assert reason(ended) == "no file …/model/variables"


def test_it_does_name_it_to_the_operator(tmp_path: Path) -> None:
    ended = child(tmp_path, limits=None)
    ended.job.failure("admit_model").write_text(Failure(message=f"no file {tmp_path}/m").model_dump_json())
    assert reason(ended) == f"no file {tmp_path}/m"


def test_an_endless_failure_is_not_read(tmp_path: Path) -> None:
    ended = child(tmp_path)
    ended.job.failure("admit_model").write_text(Failure(message="x" * 100_000).model_dump_json())
    assert reason(ended) == "the model ended the process that loaded it"


def test_a_long_failure_is_cut(tmp_path: Path) -> None:
    ended = child(tmp_path)
    ended.job.failure("admit_model").write_text(Failure(message="x" * 5_000).model_dump_json())
    assert reason(ended) == "x" * 1000


def test_of_a_long_log_the_end_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ended = child(tmp_path, log="x" * 1_000_000 + "\nthe last line\n")
    assert reason(ended) == "the model ended the process that loaded it"
    assert caplog.messages == ["admit_model of x ended: the last line"]


def test_an_endless_answer_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(children.LONGEST_ANSWER, "admit_model", 100)
    for length, is_read in ((100, True), (101, False)):
        folder = tmp_path / str(length)
        folder.mkdir()
        ended = child(folder, code=0)
        ended.job.answer("admit_model").write_text("x" * length)
        if is_read:
            assert ended.result() == "x" * length
        else:
            assert reason(ended) == "the description of the model takes more than 100 bytes"
