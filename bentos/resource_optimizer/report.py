"""The walkthrough: a request's plan as a table and as a picture, `python -m bentos.resource_optimizer.report --help`."""

import json
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from bentos import plots
from bentos.resource_optimizer.bodies import EXAMPLE, OptimizeRequest
from bentos.resource_optimizer.conflict import find_conflict
from bentos.resource_optimizer.plan import Plan, make_plan
from bentos.resource_optimizer.translation import infeasible, problem_of
from registry.errors import InvalidInput
from services.invalid import explain

MEGA = 1e6


def read(text: str) -> Plan:
    """The plan of a request in JSON that names its demands; InvalidInput says what is wrong with it."""
    try:
        request = OptimizeRequest.model_validate_json(text)
    except ValidationError as error:
        raise explain(error) from None
    if request.demands is None:
        raise InvalidInput("demands: give them here; what was measured needs the models, which the service asks.")
    problem = problem_of(request, request.demands)
    if conflict := find_conflict(problem):
        raise infeasible(conflict)
    return make_plan(problem)


def table(plan: Plan) -> str:
    """The plan as text: rates in Mbit/s, one line a class, by priority."""
    rows = [["class", "demand", "guarantee", "gets", "unmet", "instances", "cost", "binding"]]
    for got in plan.allocations:
        rates = (got.of.demand, got.of.guarantee, got.bandwidth, got.unmet)
        numbers = [*(f"{rate / MEGA:.1f}" for rate in rates), str(got.instances), str(got.cost)]
        rows.append([got.of.name, *numbers, ", ".join(got.binding) or "-"])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:], strict=False)),
                   row[-1]])
        for row in rows
    ]  # fmt: skip
    share = plan.bandwidth / plan.problem.capacity
    total = (
        f"{plan.bandwidth / MEGA:.1f} of {plan.problem.capacity / MEGA:.1f} Mbit/s used ({share:.1%}), cost {plan.cost}"
    )
    return "\n".join([*lines, "", total])


def draw(plan: Plan, path: Path) -> None:
    """One bar a class, the best on top: what it gets, what stays unmet, and a mark at its guarantee."""
    names = [f"{got.of.priority}  {got.of.name}" for got in plan.allocations]
    gets = [got.bandwidth / MEGA for got in plan.allocations]
    short = [(place, got) for place, got in enumerate(plan.allocations) if got.unmet]
    promised = [(place, got) for place, got in enumerate(plan.allocations) if got.of.guarantee]
    title = f"{plan.bandwidth / MEGA:.0f} of {plan.problem.capacity / MEGA:.0f} Mbit/s given, at a cost of {plan.cost}"
    blue, red, *_ = plots.COLOURS
    with plots.chart(path, title, 8.5, 1.6 + 0.6 * len(names)) as axes:
        axes.barh(names, gets, 0.6, color=blue, label="gets")
        missing, begins = [got.unmet / MEGA for _, got in short], [got.bandwidth / MEGA for _, got in short]
        places = [place for place, _ in short]
        axes.barh(places, missing, 0.6, begins, facecolor="none", edgecolor=red, hatch="///", label="unmet")
        marks = [got.of.guarantee / MEGA for _, got in promised]
        heights = [place for place, _ in promised]
        axes.scatter(marks, heights, 500, plots.INK, marker="|", linewidths=3, label="guarantee", zorder=3)
        for place, got in enumerate(plan.allocations):
            count = f"{got.instances} instance{'' if got.instances == 1 else 's'}"
            end = max(got.bandwidth, got.of.demand) / MEGA
            axes.annotate(count, (end, place), (8, 0), textcoords="offset points", va="center")
        axes.invert_yaxis()
        axes.margins(x=0.14)
        axes.set_xlim(left=0)
        axes.set_xlabel("Mbit/s")
        axes.legend(frameon=False, loc="lower right", markerscale=0.5)


def main(
    request: Annotated[
        Path | None, typer.Option(help="JSON as the endpoint takes it; without it, the example.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Also draw the plan here, as allocation.png.")] = None,
) -> None:
    """Plan a link and print who gets what."""
    try:
        if out:
            plots.require()
        plan = read(request.read_text() if request else json.dumps(EXAMPLE))
        if out:
            draw(plan, out / "allocation.png")
    except InvalidInput as error:
        _fail(error.message)
    except (OSError, ValueError) as error:
        _fail(str(error))
    typer.echo(table(plan))


def _fail(line: str) -> None:
    typer.echo(f"error: {line}", err=True)
    raise typer.Exit(2)


if __name__ == "__main__":
    typer.run(main)
