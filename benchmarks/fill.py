"""Fills the registry of MODELPORT_HOME: `python -m benchmarks.fill endpoints|keys COUNT`, beside the one that is there."""

import secrets
import sys

from sqlmodel import Session

from registry.accounts import ApiKey, local_user
from registry.catalog import endpoints, put_endpoint
from registry.database import session

ACTOR = "user:local"


def add_endpoints(opened: Session, count: int) -> None:
    """Bring the endpoints to `count`: each of the same model, each active."""
    (first,) = endpoints(opened)
    for number in range(1, count):
        name = f"{first.name}-{number}"
        put_endpoint(opened, name=name, path=f"/api/predict/{name}", model=first.model, bento=first.bento, actor=ACTOR)


def add_keys(opened: Session, count: int) -> None:
    """Bring the keys to `count`: active ones that open every endpoint, whose texts nobody knows."""
    user = local_user(opened)
    opened.add_all(
        ApiKey(key_id=f"bench{number:07}", key_hash=secrets.token_hex(32), user=user, name=f"key {number}")
        for number in range(1, count)
    )


if __name__ == "__main__":
    with session() as transaction:
        {"endpoints": add_endpoints, "keys": add_keys}[sys.argv[1]](transaction, int(sys.argv[2]))
