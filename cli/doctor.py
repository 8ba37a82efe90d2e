"""`modelport doctor`: what this installation is, and what is wrong with it."""

import typer

from cli.output import OUTPUT, Format, print_rows


def doctor(output: Format = OUTPUT) -> None:
    """Tell what this installation is and what is wrong with it; exit code 1 when something must be mended.

    Example: modelport doctor
    """
    from services.doctor import State, examine

    found = examine()
    print_rows([finding._asdict() for finding in found], ("part", "state", "says"), output, none="")
    if any(finding.state is State.WRONG for finding in found):
        raise typer.Exit(1)
