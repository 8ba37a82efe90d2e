"""`modelport demo traffic|images|all`: each system trained, exported and called once, with a table of what came of it."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.hub_process import running
from cli.output import say
from cli.worked_systems import SYSTEMS, Ready, export, is_trained, train

TRAINING, EXPORT_STEPS = 5, 3  # how much of a bar training takes, and how many steps an export tells of
ASIDE = ("request_id", "model")  # of an answer, which is cut at the terminal's edge
OPTIONS = {"game_classifier": ("--weights", "none")}  # nothing is downloaded


def tour(what: str, host: str, port: int) -> None:
    """Do it all, bars on stderr, and print the summary; raises what fails, in one line."""
    started = monotonic()
    with _bars() as bars, tempfile.TemporaryDirectory() as made:
        ways = [Way(bars, name, Path(made, name)) for name in SYSTEMS[what]]
        for way in ways:
            way.prepare()
        with Path(made, "hub.log").open("wb") as log, running(host, port, log):
            for way in ways:
                way.call(f"http://{host}:{port}")
    summary = Table("system", "trained", "exported", "call", "answered in", box=None)
    for way in ways:
        summary.add_row(*way.row)
    console = Console(highlight=False)
    console.print(summary)
    for way in ways:
        console.print(f"\n{way.name}: {way.report}\n  {way.answer}", no_wrap=True, overflow="ellipsis", markup=False)
    console.print(f"\n{len(ways)} systems in {monotonic() - started:.0f} s; `modelport serve` serves them.")


@contextmanager
def _bars() -> Iterator[Progress]:
    console = Console(stderr=True)
    columns = TextColumn("{task.description:<20}"), BarColumn(), TextColumn("{task.fields[doing]}"), TimeElapsedColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        yield bars


class Way:
    """One system's way through the demonstration, and its row of the summary."""

    def __init__(self, bars: Progress, name: str, folder: Path) -> None:
        """`folder` is where its training may leave examples."""
        self.name, self._bars, self._folder = name, bars, folder
        self._training = TRAINING if is_trained(name) else 0
        self._task: TaskID = bars.add_task(name, total=self._training + EXPORT_STEPS + 1, doing="waits")
        self._ready: Ready | None = None
        self.row: list[str] = [name]
        self.report, self.answer = "no model of its own", ""

    def prepare(self) -> None:
        """Train it and export it."""
        started = monotonic()
        if self._training:
            self._train()
        trained = monotonic()
        self._ready = export(self.name, self._exporting)
        self.row += [f"{trained - started:.0f} s", f"{monotonic() - trained:.0f} s"]
        self._say("waits for the others")

    def call(self, address: str) -> None:
        """Send its first route an example: a picture that training left, or what the route's document gives."""
        import httpx

        from registry.errors import ModelError

        assert self._ready is not None
        route: dict[str, Any] = self._ready.endpoint.model.signature["routes"][0]
        request = self._request(route)
        with httpx.Client(base_url=address, headers={"X-API-Key": self._ready.key}, timeout=60) as client:
            started = perf_counter()
            answer = client.post(route["path"], **request)
            seconds = perf_counter() - started
        if answer.status_code != 200:
            raise ModelError(f"{self.name} answered its own example with {answer.status_code}: {answer.text[:200]}")
        self.row += [f"POST {route['path']}", f"{1000 * seconds:.1f} ms"]
        self.answer = json.dumps({name: value for name, value in answer.json().items() if name not in ASIDE})
        self._say("answered", advance=1)

    def _train(self) -> None:
        self._say("training")
        self.report = train(self.name, *OPTIONS.get(self.name, ()), "--out", str(self._folder))[0]
        self._say("trained", advance=self._training)

    def _request(self, route: dict[str, Any]) -> dict[str, Any]:
        from services.packaging.replay import request_of

        pictures = sorted(self._folder.glob("*.jpg"))
        if route.get("files") and pictures:
            return {"files": {route["files"][0]: pictures[-1].read_bytes()}}
        return request_of(route)

    def _exporting(self, step: str) -> None:
        self._say(step, advance=1)

    def _say(self, doing: str, advance: int = 0) -> None:
        """What is done now: beside the bar, or in a line where there is no terminal to draw one on."""
        self._bars.update(self._task, advance=advance, doing=doing)
        if self._bars.disable:
            say(f"{self.name}: {doing}")
