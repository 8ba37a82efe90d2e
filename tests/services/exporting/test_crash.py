"""An export that is killed or interrupted at any moment leaves the stores as they were, and the next one works."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.services.exporting.place import Place, finished
from tests.services.exporting.samples import constant, slow_at

STEPS = {"describe_model": "Loading the model", "compile_model": "Compiling it"}


def under_way(place: Place, step: str) -> "subprocess.Popen[str]":
    """An export that has come to a step, and stays there."""
    process = place.start("export", slow_at(step, place.folder), "--name", "churn", "--allow-pickle")
    assert process.stderr is not None
    while STEPS[step] not in process.stderr.readline():
        assert process.poll() is None
    time.sleep(1)
    return process


def running_in(folder: Path) -> list[str]:
    """The commands that run with something of that folder as an argument."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in command:
            found.append(command)
    return found


def stored(place: Place) -> list[str]:
    """What BentoML's stores hold."""
    return sorted(str(path) for path in place.stores.rglob("*"))


@pytest.mark.slow
def test_a_kill_in_each_step_leaves_nothing_that_the_next_export_does_not_clear_up(place: Place) -> None:
    place.run("db", "upgrade")
    for step in STEPS:
        process = under_way(place, step)
        process.kill()
        process.communicate()
        deadline = time.monotonic() + 5
        while running_in(place.home) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert running_in(place.home) == []  # the children end with it
        assert not any("churn" in path for path in stored(place))
        assert place.run("list", "-o", "json").json() == []
    assert (place.home / "exports" / "churn").is_dir()
    (place.folder / "empty.skops").write_bytes(b"")
    assert place.run("export", "empty.skops").code == 1  # whatever comes of it, it clears up first
    assert list((place.home / "exports").iterdir()) == []
    assert list((place.folder / "tmp").iterdir()) == []


@pytest.mark.parametrize("sent", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_an_interrupted_export_says_so_and_leaves_nothing(place: Place, sent: signal.Signals) -> None:
    slow_at("describe_model", place.folder)
    (place.folder / "empty.skops").write_bytes(b"")
    place.run("export", "empty.skops")  # makes the registry and its secrets
    before = place.listing()
    process = under_way(place, "describe_model")
    process.send_signal(sent)
    done = finished(process)
    assert (done.code, done.out, done.err) == (130, "", "modelport: interrupted\n")
    assert place.listing() == before
    assert running_in(place.home) == []


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.3, 0.8, 1.5, 2.5, 3.5, 4.5, 5.0, 5.5, 6.0])
def test_a_kill_at_any_time(place: Place, seconds: float) -> None:
    model = constant(place.folder, 2.0)
    process = place.start("export", model, "--name", "churn", "--allow-pickle")
    time.sleep(seconds)
    process.kill()
    process.communicate()
    written = {row["bento"] for row in place.run("list", "-o", "json").json()}
    done = place.run("export", model, "--name", "churn", "--allow-pickle", "-o", "json").json()
    assert (done["api_key"] is None) == (done["bento"] in written)
    version = done["bento"].partition(":")[2]
    assert place.versions("churn") == {"models": [version], "bentos": [version]}
    assert [bento["tag"] for bento in place.bentoml("list")] == [done["bento"]]
    assert os.listdir(place.home / "exports") == []
