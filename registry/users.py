"""Users as an admin sees them: made, found, changed and removed; one admin who can sign in is always left.

`local`, who stands for this machine's command line, is no one's to change: without a password it is no such admin.
"""

from typing import Any, NoReturn

from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from registry import audit, sessions
from registry.accounts import LOCAL, Role, User
from registry.audit import Action
from registry.clock import now
from registry.database import exclusive
from registry.errors import Conflict, NotFound, Unauthenticated
from registry.sessions import UserSession
from registry.usernames import check_email, check_username, folded


def create_user(
    session: Session, *, username: str, role: Role, password_hash: str | None, email: str | None = None, actor: str
) -> User:
    """Keep a new user; InvalidInput for a name or address that can't be one, Conflict for one that is taken."""
    name = check_username(username)
    address = check_email(email) if email is not None else None
    exclusive(session)
    if name == LOCAL or find_user(session, name) is not None:
        raise Conflict(f"The username {name} is taken")
    _refuse_taken(session, address)
    user = User(username=name, email=address, role=role, password_hash=password_hash)
    _change(session, user, Action.USER_CREATED, {"role": role}, actor)
    return user


def find_user(session: Session, username: str) -> User | None:
    """The user of that name, however it is spelt."""
    name = folded(username)
    return session.exec(select(User).where(User.username == name)).first() if name else None


def existing_user(session: Session, username: str) -> User:
    """The user of that name; NotFound if there is none."""
    user = find_user(session, username)
    if user is None:
        raise NotFound(f"there is no user {username!r}; `modelport users list` shows who there is")
    return user


def select_users(
    *, role: Role | None = None, is_active: bool | None = None, prefix: str | None = None
) -> SelectOfScalar[User]:
    """A statement for all users, or those of that role or state, or whose names begin so; oldest first."""
    chosen = select(User).order_by(col(User.id))
    if role is not None:
        chosen = chosen.where(User.role == role)
    if prefix is not None:
        chosen = chosen.where(func.substr(User.username, 1, len(prefix)) == prefix)
    return chosen if is_active is None else chosen.where(User.is_active == is_active)


def admin_exists(session: Session) -> bool:
    """Whether an active admin has a password, and so can sign in."""
    return session.exec(_admins().limit(1)).first() is not None


def set_role(session: Session, user: User, role: Role, *, actor: str) -> None:
    """Give a user another role; Conflict for the last admin."""
    _refuse_local(user)
    if role is user.role:
        return
    if role is not Role.ADMIN:
        _keep_an_admin(session, user)
    detail = {"before": user.role, "after": role}
    user.role = role
    _change(session, user, Action.ROLE_CHANGED, detail, actor)


def set_active(session: Session, user: User, is_active: bool, *, actor: str) -> None:
    """Let a user in, or end their sessions and keep them and their keys out; Conflict for the last admin."""
    _refuse_local(user)
    if is_active is user.is_active:
        return
    if not is_active:
        _keep_an_admin(session, user)
    user.is_active = is_active
    _change(session, user, Action.USER_ENABLED if is_active else Action.USER_DISABLED, {}, actor)
    if not is_active:
        sessions.close_all(session, user, actor=actor, now=now())


def set_password_hash(
    session: Session, user: User, password_hash: str, *, actor: str, keep: UserSession | None = None
) -> None:
    """Give a user another password, and end their sessions but for the one to keep: somebody may have known the old."""
    _refuse_local(user)
    user.password_hash = password_hash
    _change(session, user, Action.PASSWORD_CHANGED, {}, actor)
    sessions.close_all(session, user, actor=actor, now=now(), keep=keep)


def set_email(session: Session, user: User, email: str | None, *, actor: str) -> None:
    """Give a user another address, or None; the trail says that it changed, for it must not keep what people erase."""
    _refuse_local(user)
    address = check_email(email) if email is not None else None
    if address == user.email:
        return
    exclusive(session)
    _refuse_taken(session, address)
    user.email = address
    _change(session, user, Action.EMAIL_CHANGED, {}, actor)


def delete_user(session: Session, user: User, *, actor: str) -> None:
    """Remove a user with all their keys; Conflict for the last admin."""
    _refuse_local(user)
    _keep_an_admin(session, user)
    session.delete(user)
    session.flush()
    audit.record(session, actor=actor, action=Action.USER_DELETED, target=_target(user), detail={"role": user.role})


def sign_in(session: Session, username: str, *, verified: str, rehash: str | None = None) -> User:
    """The user whose password was found to fit the hash `verified`, with a better hash if there is one.

    Unauthenticated when the user is gone or disabled, or the password was changed while it was being verified. What
    the trail and `last_login` tell of a sign-in is left to `sessions.open_session`.
    """
    exclusive(session)
    user = find_user(session, username)
    if user is not None:
        session.refresh(user)
    if user is None or not user.is_active or user.password_hash != verified:
        refuse_sign_in()
    user.password_hash = rehash or verified
    session.add(user)
    session.flush()
    return user


def refuse_sign_in() -> NoReturn:
    """Raise Unauthenticated in the same words whatever is wrong, so that nobody learns who has an account."""
    raise Unauthenticated("The username or the password is wrong", headers={"WWW-Authenticate": "Bearer"})


def _admins() -> SelectOfScalar[User]:
    able = select_users(role=Role.ADMIN, is_active=True)
    return able.where(col(User.password_hash).is_not(None))


def _keep_an_admin(session: Session, user: User) -> None:
    exclusive(session)  # or two admins could remove each other at once
    if [admin.id for admin in session.exec(_admins())] == [user.id]:
        raise Conflict(f"{user.username} is the last admin who can sign in: make another one first")


def _refuse_local(user: User) -> None:
    if user.username == LOCAL:
        raise Conflict(f"The user {LOCAL} stands for the command line and can't be changed")


def _refuse_taken(session: Session, email: str | None) -> None:
    if email is not None and session.exec(select(User.id).where(User.email == email)).first() is not None:
        raise Conflict("Another user has that e-mail address")


def _change(session: Session, user: User, action: Action, detail: dict[str, Any], actor: str) -> None:
    session.add(user)
    session.flush()
    audit.record(session, actor=actor, action=action, target=_target(user), detail=detail)


def _target(user: User) -> str:
    return f"user:{user.username}"
