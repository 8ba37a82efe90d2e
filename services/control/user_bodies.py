"""What the control plane reads and answers of users."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from registry.accounts import Role, User
from services import user_admin
from services.control.bodies import Body, NewPassword, Username
from services.control.paging import Items, Paged, Text

Email = Annotated[str, Field(max_length=254, examples=["ada@example.org"])]
AnyRole = Annotated[Role, Field(strict=False, description="What the user may do.", examples=["operator"])]


def _unnamed() -> Any:
    """Of a field that wasn't sent; `null` is another thing, which only an address can be."""
    return None


class UsersAsked(Paged):
    """Which users are asked for, and in which order."""

    sort: Literal[
        "username", "-username", "created_at", "-created_at",
        "last_login", "-last_login", "prediction_count", "-prediction_count",
    ] = Field("username", description="`-` descends.")  # fmt: skip
    role: Role | None = Field(None, description="Only users of this role.")
    active: bool | None = Field(None, description="Only active users, or only disabled ones.")
    username: Text | None = Field(None, description="Only users whose names begin so.")


class NewUser(Body):
    """A user who is to be made."""

    username: Username = Field(examples=["ada"])
    role: AnyRole = Role.USER
    email: Email | None = None
    password: NewPassword | None = Field(
        None, description="Without one they can't sign in until they are given one.", examples=["correct horse battery"]
    )


class UserChange(Body):
    """What is to change of a user; what isn't named stays."""

    role: AnyRole = Field(default_factory=_unnamed)
    email: Email | None = Field(None, description="null erases it.")
    active: bool = Field(default_factory=_unnamed, description="Whether they may come in.", examples=[False])
    password: NewPassword = Field(default_factory=_unnamed, examples=["staple correct horse"])

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("name at least one of role, email, active, password")
        return self

    def fields(self) -> dict[str, Any]:
        """What was named, but for the password."""
        return {name: getattr(self, name) for name in self.model_fields_set if name != "password"}


class UserAnswer(BaseModel):
    """A user."""

    id: int = Field(examples=[7])
    username: str = Field(examples=["ada"])
    email: str | None = Field(examples=["ada@example.org"])
    role: Role
    active: bool = Field(description="Whether they and their keys may come in.")
    has_password: bool = Field(description="Whether they can sign in with one.")
    created_at: datetime
    last_login: datetime | None
    prediction_count: int = Field(
        description="Predictions that succeeded, with all of their keys; a call counts each one that is stored of it.",
        examples=[12043],
    )

    @classmethod
    def of(cls, user: User) -> Self:
        """The user of a row."""
        return cls(**user_admin.row(user))


class UserList(Items[UserAnswer]):
    """A page of users."""
