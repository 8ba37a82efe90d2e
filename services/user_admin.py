"""Users as an admin handles them over HTTP; what could shut admins themselves out is refused."""

from typing import Any, NamedTuple

from sqlmodel import Session, col

from registry import users
from registry.accounts import Role, User
from registry.errors import Conflict, NotFound
from registry.pages import Page, page
from registry.usernames import check_email, check_username
from services.security.bearer import Identity
from services.security.password_rules import check_password
from services.security.permissions import Permission
from services.signed_in import Own, changing, looking

SORTED = {
    "username": col(User.username),
    "created_at": col(User.created_at),
    "last_login": col(User.last_login),
    "prediction_count": col(User.prediction_count),
}


class Change(NamedTuple):
    """What is to change of a user, by field: role, email, active; and another password's hash."""

    fields: dict[str, Any]
    password_hash: str | None


def row(user: User) -> dict[str, Any]:
    """What is told of a user."""
    known = user.model_dump(include={"id", "username", "email", "role", "created_at", "last_login", "prediction_count"})
    return known | {"active": user.is_active, "has_password": user.password_hash is not None}


def list_users(
    who: Identity,
    *,
    role: Role | None,
    active: bool | None,
    prefix: str | None,
    sort: str,
    limit: int,
    cursor: str | None,
) -> Page[User]:
    """A page of the users of that role and state whose names begin so."""
    chosen = users.select_users(role=role, is_active=active, prefix=prefix).order_by(None)
    with looking(who, Permission.USERS_READ) as (opened, _):
        return page(opened, chosen, SORTED, id=col(User.id), sort=sort, limit=limit, cursor=cursor)


def one_user(who: Identity, name_or_id: str) -> User:
    """The user of that name or id; NotFound if there is none."""
    with looking(who, Permission.USERS_READ) as (opened, _):
        return _existing(opened, name_or_id)


def check_new(username: str, email: str | None, password: str | None) -> None:
    """InvalidInput for what can't make a user, before anything is hashed."""
    name = check_username(username)
    if email is not None:
        check_email(email)
    if password is not None:
        check_password(password, name)


def create(who: Identity, username: str, role: Role, email: str | None, password_hash: str | None) -> User:
    """Make a user; Conflict for a name or an address that is taken."""
    with changing(who, Permission.USERS_WRITE) as (opened, own):
        return users.create_user(
            opened, username=username, role=role, password_hash=password_hash, email=email, actor=own.actor
        )


def check_change(who: Identity, name_or_id: str, password: str | None) -> None:
    """Refuse a password that won't do, or whose it must not be, before it is hashed."""
    with looking(who, Permission.USERS_WRITE) as (opened, own):
        user = _existing(opened, name_or_id)
        if password is not None:
            _refuse_own_password(own, user)
            check_password(password, user.username)


def change(who: Identity, name_or_id: str, wanted: Change) -> User:
    """Change a user, all or nothing; Conflict for the last admin, and for what would shut the caller out."""
    with changing(who, Permission.USERS_WRITE) as (opened, own):
        user = _existing(opened, name_or_id)
        if "role" in wanted.fields:
            _refuse_oneself(own, user, wanted.fields["role"] is not user.role, "role")
            users.set_role(opened, user, wanted.fields["role"], actor=own.actor)
        if "email" in wanted.fields:
            users.set_email(opened, user, wanted.fields["email"], actor=own.actor)
        if wanted.password_hash is not None:
            _refuse_own_password(own, user)
            users.set_password_hash(opened, user, wanted.password_hash, actor=own.actor)
        if "active" in wanted.fields:
            _refuse_oneself(own, user, wanted.fields["active"] is not user.is_active, "state")
            users.set_active(opened, user, wanted.fields["active"], actor=own.actor)
        return user


def delete(who: Identity, name_or_id: str) -> None:
    """Remove a user with their keys and sessions; Conflict for the last admin and for oneself."""
    with changing(who, Permission.USERS_WRITE) as (opened, own):
        user = _existing(opened, name_or_id)
        _refuse_oneself(own, user, True, "account")
        users.delete_user(opened, user, actor=own.actor)


def _existing(opened: Session, name_or_id: str) -> User:
    if name_or_id.isascii() and name_or_id.isdecimal():  # no username is made of digits alone
        user = opened.get(User, int(name_or_id)) if int(name_or_id) < 2**31 else None
    else:
        user = users.find_user(opened, name_or_id)
    if user is None:
        raise NotFound("There is no such user.")
    return user


def _refuse_oneself(own: Own, user: User, changes: bool, what: str) -> None:
    if changes and user.id == own.user.id:
        raise Conflict(f"This is your own account: another admin must change its {what}.")


def _refuse_own_password(own: Own, user: User) -> None:
    if user.id == own.user.id:
        raise Conflict("This is your own account: POST /auth/password changes its password.")
