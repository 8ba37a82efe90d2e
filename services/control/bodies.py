"""What the control plane reads and answers under /auth: every field typed, bounded and described; nothing more is taken."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from registry.accounts import Role, User
from registry.sessions import UserSession
from services import duration
from services.control.paging import Items, Paged
from services.security.bearer import Identity
from services.security.password_rules import LONGEST
from services.security.permissions import PERMISSIONS
from services.sessions import SignedIn

Username = Annotated[str, Field(min_length=1, max_length=256, description="Case doesn't matter.")]
Password = Annotated[str, Field(min_length=1, max_length=LONGEST)]
NewPassword = Annotated[
    str, Field(min_length=1, max_length=LONGEST, description="8 characters or more, and none of the first guesses.")
]


def _span(text: str) -> str:
    duration.parse(text)
    return text


Span = Annotated[str, AfterValidator(_span)]


class Body(BaseModel):
    """What a client sends: no conversions, no unknown fields; its text appears in no representation."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


class Credentials(Body):
    """Who signs in."""

    username: Username = Field(examples=["ada"])
    password: Password = Field(examples=["correct horse battery"])


class Refresh(Body):
    """A refresh token, which works once."""

    refresh_token: str = Field(min_length=1, max_length=64, examples=["mpr_…"], description="From the last answer.")


class PasswordChange(Body):
    """A user's new password, and the present one as proof."""

    current_password: Password = Field(examples=["correct horse battery"])
    new_password: NewPassword = Field(examples=["staple correct horse"])


class FirstAdmin(Body):
    """The first admin, made by whoever holds the token that the server printed."""

    token: str = Field(min_length=1, max_length=64, description="It lives 15 minutes.", examples=["gjrY…"])
    username: Username = Field(examples=["ada"])
    password: NewPassword = Field(examples=["correct horse battery"])


class Tokens(BaseModel):
    """The tokens of a session."""

    access_token: str = Field(description="Send it as `Authorization: Bearer`.", examples=["eyJ…"])
    refresh_token: str = Field(description="Exchange it for new tokens; it works once.", examples=["mpr_…"])
    token_type: Literal["bearer"] = "bearer"  # noqa: S105
    expires_in: int = Field(description="Seconds that the access token is valid.", examples=[900])

    @classmethod
    def of(cls, made: SignedIn) -> Self:
        """The tokens as they are answered."""
        return cls(access_token=made.access_token, refresh_token=made.refresh_token, expires_in=made.expires_in)


class Profile(BaseModel):
    """A user's own account."""

    username: str = Field(examples=["ada"])
    email: str | None = Field(examples=["ada@example.org"])
    role: Role
    permissions: list[str] = Field(description="What the role permits.", examples=[["models:read", "predictions:make"]])
    created_at: datetime
    last_login: datetime | None

    @classmethod
    def of(cls, user: User) -> Self:
        """The account of a row."""
        permissions = sorted(PERMISSIONS.get(user.role, ()))
        known = user.model_dump(include={"username", "email", "role", "created_at", "last_login"})
        return cls(**known, permissions=permissions)


class ClaimsAnswer(BaseModel):
    """What a valid access token says, and its user's role today; moments in seconds since the epoch."""

    sub: str = Field(description="The user's id.", examples=["7"])
    sid: str = Field(description="The session.", examples=["Jx3yWmVn8Qh5c0Zr1tU2aA"])
    jti: str = Field(description="The token's own name.")
    iat: int = Field(examples=[1795305600])
    exp: int = Field(examples=[1795306500])
    role: Role

    @classmethod
    def of(cls, who: Identity) -> Self:
        """The claims as they are answered."""
        user, claims = who
        moments = {"iat": claims.issued_at, "exp": claims.expires_at}
        return cls(sub=str(user.id), sid=claims.sid, jti=claims.jti, role=user.role, **moments)


class SessionAnswer(BaseModel):
    """One sign-in that goes on."""

    sid: str = Field(examples=["Jx3yWmVn8Qh5c0Zr1tU2aA"])
    created_at: datetime
    last_used: datetime = Field(description="Sign-in or last refresh.")
    expires_at: datetime = Field(description="Its end however much it is used.")
    ip_address: str = Field(examples=["192.0.2.7"])
    user_agent: str = Field(description="What the client says of itself.", examples=["curl/8.5.0"])
    current: bool = Field(description="Whether this request was made in it.")

    @classmethod
    def of(cls, opened: UserSession, sid: str) -> Self:
        """A row, as the session of that name sees it."""
        known = opened.model_dump(exclude={"id", "user_id", "revoked_at"})
        return cls(**known, current=opened.sid == sid)


class SessionsAsked(Paged):
    """Which of a user's sessions are asked for, and in which order."""

    sort: Literal["created_at", "-created_at", "last_used", "-last_used"] = Field(
        "-created_at", description="`-` descends."
    )


class SessionList(Items[SessionAnswer]):
    """A page of a user's sessions."""


class Ended(BaseModel):
    """How many sessions were ended."""

    sessions: int = Field(examples=[3])
