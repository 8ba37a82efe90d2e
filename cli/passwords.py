"""Where a command gets a password from: standard input or the terminal, never the command line."""

import sys

import typer

STDIN = typer.Option(False, "--password-stdin", help="Read the password from the first line of standard input.")

_LONGEST_LINE = 16_384  # bytes; more than any password may have


def read_password(from_stdin: bool) -> str:
    """The password, asked twice and without echo at a terminal; a usage error where there is neither."""
    if from_stdin:
        return _first_line()
    if not sys.stdin.isatty():
        error = typer.TyperException("There is no terminal to ask for the password: use --password-stdin")
        error.exit_code = 2
        raise error
    return _asked()


def _first_line() -> str:
    from registry.errors import InvalidInput

    try:
        return sys.stdin.buffer.readline(_LONGEST_LINE).decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise InvalidInput("The password on standard input is not UTF-8") from None


def _asked() -> str:
    from getpass import getpass

    from registry.errors import InvalidInput

    password = getpass("Password: ")
    if getpass("Again: ") != password:
        raise InvalidInput("The passwords differ: nothing was changed")
    return password
