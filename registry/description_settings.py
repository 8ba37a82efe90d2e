"""What an operator can choose about descriptions, the sentences in which a language model words a prediction."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings

from registry import values

_Key = Annotated[SecretStr | None, AfterValidator(values.header_secret)]
_Address = Annotated[str, AfterValidator(values.web_address)]


class DescriptionSettings(BaseSettings):
    """Who may be asked, and what may be told to them."""

    openai_api_key: _Key = Field(
        default=None, description="Key of OpenAI, or of a server that speaks its API; without, it is never asked."
    )
    openai_model: str = Field(
        default="gpt-6-luna", min_length=1, description="Model that words descriptions, by OpenAI's name of it."
    )
    openai_base_url: _Address = Field(
        default="https://api.openai.com/v1",
        description="Where OpenAI's chat completions are, or those of a server that speaks its API.",
    )
    anthropic_api_key: _Key = Field(default=None, description="Key of Anthropic; without, it is never asked.")
    anthropic_model: str = Field(
        default="claude-haiku-5-5",
        min_length=1,
        description="Model that words descriptions, by Anthropic's name of it.",
    )
    anthropic_base_url: _Address = Field(
        default="https://api.anthropic.com",
        description="Where Anthropic's messages are, or those of a server that speaks its API.",
    )
    describe_seconds: float = Field(
        default=10,
        gt=0,
        allow_inf_nan=False,
        description="How long a prediction waits for its description, a second attempt included.",
    )
    describe_concurrency: int = Field(
        default=4, ge=1, description="Descriptions that a worker asks for at once; a prediction beyond gets none."
    )
    describe_images: bool = Field(
        default=False, description="Send the image too, made small; else only the category and the probabilities."
    )
