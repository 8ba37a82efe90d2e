"""Something to plan: synthetic flows and a synthetic day of one link, as a request on stdout: `python -m … --help`."""

import json
import math
from typing import Annotated, Any

import typer

from bentos.resource_optimizer.bodies import EXAMPLE, MOST_FLOWS
from bentos.traffic_classifier import data as flows_of
from bentos.traffic_classifier.features import NAMES as COLUMNS
from bentos.traffic_forecaster import data as weeks_of
from bentos.traffic_forecaster.series import DAY, NAMES

HOUR = 4  # intervals


def measured(flows: int, seed: int) -> dict[str, Any]:
    """The example's link and classes with `flows` flows, a Tuesday's series, and the hour after it to be planned."""
    records = flows_of.generate(flows, seed)[COLUMNS].to_dict("records")
    week = weeks_of.generate(2, seed)
    tuesday = week.iloc[DAY : 2 * DAY]
    past = {"series": tuesday[NAMES].to_numpy().tolist(), "horizon": HOUR, "start": tuesday.index[0].isoformat()}
    given = {name: value for name, value in EXAMPLE.items() if name != "demands"}
    return given | {"flows": [_without_nan(record) for record in records], "past": past}


def _without_nan(record: dict[Any, Any]) -> dict[str, Any]:
    """The flow as JSON has it: what is undefined is null."""
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in record.items()}


def main(
    flows: Annotated[int, typer.Option(min=1, max=MOST_FLOWS, help="How many synthetic flows.")] = 60,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="For the flows and the weeks.")] = 7,
) -> None:
    """Print a request for the endpoint, made of what a meter might have seen."""
    typer.echo(json.dumps(measured(flows, seed)))


if __name__ == "__main__":
    typer.run(main)
