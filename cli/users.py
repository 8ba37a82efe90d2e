"""`modelport users create|list|disable|enable|role|passwd`: who may sign in. No password stands on a command line."""

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import typer

from cli.output import OUTPUT, Format, print_fields, print_json, print_rows, say
from cli.passwords import STDIN, read_password

if TYPE_CHECKING:
    from registry.accounts import User

app = typer.Typer(no_args_is_help=True)

ACTOR = "user:local"
NAME = typer.Argument(metavar="NAME", help="The username.")
COLUMNS = ("username", "role", "status", "email", "created_at", "last_login", "prediction_count")


class RoleName(StrEnum):
    """The registry's roles, which `--help` must not import."""

    ADMIN = "admin"
    OPERATOR = "operator"
    USER = "user"
    VIEWER = "viewer"


@app.command()
def create(
    name: str = NAME,
    role: RoleName = typer.Option(RoleName.USER, "--role", help="What the user may do."),
    email: str | None = typer.Option(None, "--email", help="The user's e-mail address."),
    password_stdin: bool = STDIN,
    output: Format = OUTPUT,
) -> None:
    """Make a user who signs in with a password.

    Example: modelport users create ada --role admin
    """
    from registry.accounts import Role
    from registry.database import session, upgrade
    from registry.usernames import check_username
    from registry.users import create_user

    hashed = _new_hash(check_username(name), password_stdin)
    upgrade()  # the first admin may be the first thing there is
    with session() as opened:
        user = create_user(opened, username=name, role=Role(role), password_hash=hashed, email=email, actor=ACTOR)
    if output is Format.JSON:
        print_json(_row(user))
    else:
        print_fields(_row(user))


def _new_hash(username: str, password_stdin: bool) -> str:
    from services.security.password_rules import check_password
    from services.security.passwords import hash_password

    password = read_password(password_stdin)
    check_password(password, username)
    return hash_password(password)


@app.command("list")
def list_users(
    role: RoleName | None = typer.Option(None, "--role", help="Only users of this role."), output: Format = OUTPUT
) -> None:
    """List the users.

    Example: modelport users list --role admin
    """
    from registry.accounts import Role
    from registry.database import reading, require_schema
    from registry.users import select_users

    require_schema()
    with reading() as opened:
        rows = [_row(user) for user in opened.exec(select_users(role=Role(role) if role else None))]
    print_rows(rows, COLUMNS, output, none="No users yet: `modelport users create` makes one.")


def _row(user: "User") -> dict[str, Any]:
    return {
        "username": user.username,
        "role": user.role.value,
        "status": "active" if user.is_active else "disabled",
        "email": user.email,
        "created_at": user.created_at,
        "last_login": user.last_login,
        "prediction_count": user.prediction_count,
    }


@app.command()
def disable(name: str = NAME) -> None:
    """Keep a user and their keys out, until `enable`.

    Example: modelport users disable bob
    """
    say(f"{_set_active(name, False)} is disabled.")


@app.command()
def enable(name: str = NAME) -> None:
    """Let a disabled user in again.

    Example: modelport users enable bob
    """
    say(f"{_set_active(name, True)} is active.")


def _set_active(name: str, is_active: bool) -> str:
    from registry.database import require_schema, session
    from registry.users import existing_user, set_active

    require_schema()
    with session() as opened:
        user = existing_user(opened, name)
        set_active(opened, user, is_active, actor=ACTOR)
    return user.username


@app.command("role")
def change_role(name: str = NAME, role: RoleName = typer.Argument(help="What the user may do from now on.")) -> None:
    """Give a user another role.

    Example: modelport users role bob operator
    """
    from registry.accounts import Role
    from registry.database import require_schema, session
    from registry.users import existing_user, set_role

    require_schema()
    with session() as opened:
        user = existing_user(opened, name)
        set_role(opened, user, Role(role), actor=ACTOR)
    say(f"{user.username} has the role {role}.")


@app.command("passwd")
def change_password(name: str = NAME, password_stdin: bool = STDIN) -> None:
    """Give a user another password.

    Example: modelport users passwd bob
    """
    from registry.database import reading, require_schema, session
    from registry.users import existing_user, set_password_hash

    require_schema()
    with reading() as opened:
        username = existing_user(opened, name).username
    hashed = _new_hash(username, password_stdin)
    with session() as opened:
        set_password_hash(opened, existing_user(opened, username), hashed, actor=ACTOR)
    say(f"{username} has a new password.")
