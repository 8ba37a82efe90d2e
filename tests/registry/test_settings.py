import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from registry.errors import SettingsError
from registry.settings import Settings, settings


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_is_for(name: str) -> None:
    description = Settings.model_fields[name].description or ""
    assert description.endswith(".")


def test_nothing_needs_to_be_set(home: Path) -> None:
    assert settings().home == home
    assert settings().url == f"sqlite:///{home}/registry.db"
    assert settings().embedded
    assert (settings().host, settings().port, settings().workers) == ("127.0.0.1", 3000, 1)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "70000", "MODELPORT_PORT: Input should be less than or equal to 65535"),
        ("PORT", "tcp://10.0.0.1:3000", "MODELPORT_PORT: Input should be a valid integer"),
        ("WORKERS", "0", "MODELPORT_WORKERS: Input should be greater than or equal to 1"),
        ("ENVIRONMENT", "Live", "MODELPORT_ENVIRONMENT: "),
        ("CORS_ORIGINS", "*", "MODELPORT_CORS_ORIGINS: '*' is not an origin"),
        ("CORS_ORIGINS", "https://a.example/path", "scheme://host[:port]"),
        ("TRUSTED_PROXIES", "*", "MODELPORT_TRUSTED_PROXIES: '*' is not a proxy"),
        ("TRUSTED_PROXIES", "10.0.0.1, 0.0.0.0/0", "'0.0.0.0/0' is not a proxy"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "'10.0.0.1/8' is not a proxy"),
        ("TRUSTED_PROXIES", "proxy.internal", "name each by its address, or by a network like 10.0.0.0/8"),
        ("DATABASE_URL", "mysql://root:hunter2@db/x", "MODELPORT_DATABASE_URL: must be sqlite:///"),
        ("DATABASE_URL", "sqlite:///:memory:", "MODELPORT_DATABASE_URL: must be sqlite:///"),
        ("OPENAI_API_KEY", "sk-hunter2\n", "MODELPORT_OPENAI_API_KEY: must be one line of ASCII without spaces"),
        ("ANTHROPIC_API_KEY", "schlüssel-hunter2", "MODELPORT_ANTHROPIC_API_KEY: must be one line of ASCII"),
        ("OPENAI_BASE_URL", "https://me:hunter2@llm.example/v1", "MODELPORT_OPENAI_BASE_URL: must be http://<host>"),
        ("OPENAI_BASE_URL", "https://llm.example/v1?key=hunter2", "perhaps with a port and a path"),
        ("ANTHROPIC_BASE_URL", "llm.example", "MODELPORT_ANTHROPIC_BASE_URL: must be http://<host>"),
        ("ANTHROPIC_BASE_URL", "https://llm.example:port", "perhaps with a port and a path"),
        ("DESCRIBE_SECONDS", "0", "MODELPORT_DESCRIBE_SECONDS: Input should be greater than 0"),
        ("DESCRIBE_SECONDS", "inf", "MODELPORT_DESCRIBE_SECONDS: Input should be a finite number"),
        ("DESCRIBE_CONCURRENCY", "0", "MODELPORT_DESCRIBE_CONCURRENCY: Input should be greater than or equal to 1"),
        ("WORKER", "4", "MODELPORT_WORKER is not a setting; the nearest one is MODELPORT_WORKERS"),
    ],
)
def test_what_cannot_be_honoured_is_refused_in_one_line(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"MODELPORT_{name}", value)
    with pytest.raises(SettingsError) as refused:
        settings()
    assert said in refused.value.message
    assert "\n" not in refused.value.message
    assert "hunter2" not in refused.value.message


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("example.org", False),
    ],
)
def test_debugging_is_for_a_server_on_loopback(
    home: Path, monkeypatch: pytest.MonkeyPatch, host: str, alone: bool
) -> None:
    monkeypatch.setenv("MODELPORT_HOST", host)
    monkeypatch.setenv("MODELPORT_DEBUG", "true")
    if alone:
        assert settings().debug
        return
    with pytest.raises(SettingsError, match="^MODELPORT_DEBUG: tracebacks are for this machine alone"):
        settings()


def test_origins_are_separated_by_commas(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELPORT_CORS_ORIGINS", "https://a.example, http://localhost:8080,http://[::1]:3000")
    assert settings().cors_origins == ["https://a.example", "http://localhost:8080", "http://[::1]:3000"]


def test_a_dotenv_file_counts_and_may_hold_what_is_not_ours(home: Path) -> None:
    Path(".env").write_text("MODELPORT_PORT=4000\nOTHER_TOOL=1\n", encoding="utf-8")
    assert settings().port == 4000


def test_what_is_ours_in_a_dotenv_file_must_be_a_setting(home: Path) -> None:
    Path(".env").write_text("MODELPORT_PROT=4000\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="^MODELPORT_PROT is not a setting; the nearest one is MODELPORT_PORT$"):
        settings()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgres_addresses_get_our_driver(home: Path, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("MODELPORT_DATABASE_URL", f"{scheme}://db.example/modelport")
    assert settings().url == "postgresql+psycopg://db.example/modelport"
    assert not settings().embedded


def test_the_pepper_is_made_once_and_for_its_owner_only(home: Path) -> None:
    first = settings().pepper_bytes()
    assert len(first) == 64
    assert settings().pepper_bytes() == first
    assert [path.name for path in (home / "secrets").iterdir()] == ["pepper"]
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (home, home / "secrets", home / "secrets" / "pepper")]
    assert [oct(mode) for mode in modes] == ["0o700", "0o700", "0o600"]


@pytest.mark.slow
def test_processes_that_race_for_the_pepper_get_the_same(
    home: Path, processes: Callable[[int, str], list[str]]
) -> None:
    code = "from registry.settings import settings; print(settings().pepper_bytes().hex())"
    assert len(set(processes(8, code))) == 1


def test_a_short_pepper_is_refused_without_being_shown(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELPORT_PEPPER", "hunter2")
    with pytest.raises(SettingsError, match="MODELPORT_PEPPER is too short") as refused:
        settings().pepper_bytes()
    assert "hunter2" not in refused.value.message
    assert "hunter2" not in repr(settings())


def test_the_keys_of_language_models_are_not_shown_and_an_empty_one_is_none(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELPORT_OPENAI_API_KEY", "sk-hunter2")
    monkeypatch.setenv("MODELPORT_ANTHROPIC_API_KEY", "")
    key = settings().openai_api_key
    assert key is not None and key.get_secret_value() == "sk-hunter2"
    assert settings().anthropic_api_key is None
    assert "hunter2" not in repr(settings())


def test_a_truncated_pepper_file_is_refused(home: Path) -> None:
    settings().pepper_bytes()
    (home / "secrets" / "pepper").write_text("", encoding="ascii")
    with pytest.raises(SettingsError, match="too short"):
        settings().pepper_bytes()


def test_a_home_that_cannot_hold_secrets_is_refused(home: Path) -> None:
    home.write_text("a file, not a folder", encoding="ascii")
    with pytest.raises(SettingsError, match=f"Cannot keep a secret in .*pepper: File exists: {home}"):
        settings().pepper_bytes()


def test_servers_that_share_a_registry_must_share_a_pepper(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELPORT_DATABASE_URL", "postgresql://db.example/modelport")
    with pytest.raises(SettingsError, match="MODELPORT_PEPPER is not set"):
        settings().pepper_bytes()


def test_each_purpose_has_its_own_key(home: Path) -> None:
    audit, keys = settings().derived_key("audit"), settings().derived_key("keys")
    assert len({audit, keys, settings().pepper_bytes()}) == 3
    assert settings().derived_key("audit") == audit


def test_the_key_of_access_tokens_is_made_once_and_for_its_owner_only(home: Path) -> None:
    ring = settings().jwt_ring()
    assert list(ring) == ["home"] and len(ring["home"]) == 64
    assert settings().jwt_ring() == ring and settings().pepper_bytes() not in ring.values()
    assert stat.S_IMODE((home / "secrets" / "jwt").stat().st_mode) == 0o600


def test_the_first_of_the_given_keys_signs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELPORT_JWT_KEYS", f"2026-12:{'n' * 32}, 2026-11:{'o' * 32}:x")
    assert list(settings().jwt_ring().items()) == [("2026-12", b"n" * 32), ("2026-11", b"o" * 32 + b":x")]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("hunter2", "key 1 is not written as kid:secret"),
        (f"one:{'x' * 32},hunter2", "key 2 is not written as kid:secret"),
        ("one:hunter2", "key 1 is too short: a secret has at least 32 bytes"),
        (f"one:{'x' * 32},one:{'hunter2' * 5}", "key 2 has the name of an earlier one"),
        (f"../{'hunter2'}:{'x' * 32}", "key 1 is not written as kid:secret"),
        (f"one:{'x' * 32},", "key 2 is not written as kid:secret"),
        ("", "key 1 is not written as kid:secret"),
    ],
)
def test_keys_that_cannot_sign_are_refused_without_being_shown(
    home: Path, monkeypatch: pytest.MonkeyPatch, keys: str, said: str
) -> None:
    monkeypatch.setenv("MODELPORT_JWT_KEYS", keys)
    with pytest.raises(SettingsError) as refused:
        settings().jwt_ring()
    assert refused.value.message == f"MODELPORT_JWT_KEYS: {said}"
    assert "hunter2" not in repr(settings())


def test_servers_that_share_a_registry_must_share_the_keys_of_access_tokens(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELPORT_DATABASE_URL", "postgresql://db.example/modelport")
    with pytest.raises(SettingsError, match="MODELPORT_JWT_KEYS is not set"):
        settings().jwt_ring()
