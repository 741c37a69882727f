from pathlib import Path

import pytest

from innkeeper.config import Config, env_name, load, setting_types
from innkeeper.core.errors import SetupError


def test_nothing_given_is_the_defaults() -> None:
    assert load(file=None, environ={}, flags={}) == Config()


def test_each_layer_is_over_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "inn.toml"
    file.write_text('log_level = "info"\n[api]\nport = 1\nhost = "::1"\n[cells]\nnames = ["x"]\n')
    environ = {"INNKEEPER_API_PORT": "2", "INNKEEPER_CELLS_NAMES": "a, b", "PATH": "/bin"}
    config = load(file=file, environ=environ, flags={"api.port": 3, "api.host": None})
    assert config.log_level == "info"
    assert config.api.host == "::1"
    assert config.cells.names == ("a", "b")
    assert config.api.port == 3


@pytest.mark.parametrize(
    ("listen", "address"),
    [("", None), ("127.0.0.1:8779", ("127.0.0.1", 8779)), ("[::1]:0", ("::1", 0))],
)
def test_where_the_placement_api_listens(listen: str, address: tuple[str, int] | None) -> None:
    config = load(file=None, environ={}, flags={"placement.listen": listen})
    assert config.placement.address == address


def test_a_flag_is_named_as_it_is_typed() -> None:
    with pytest.raises(SetupError, match=r"^--placement-listen: expected text"):
        load(file=None, environ={}, flags={"placement.listen": 8778})


def test_every_setting_can_be_given_in_the_environment() -> None:
    names = [env_name(key) for key, _ in setting_types()]
    assert len(names) == len(set(names))
    assert "INNKEEPER_SIMULATION_FAILURE_RATE" in names


@pytest.mark.parametrize(
    ("variable", "text", "words"),
    [
        ("INNKEEPER_API_PORT", "x", ("INNKEEPER_API_PORT", "a whole number", "'x'")),
        ("INNKEEPER_API_PORT", "70000", ("at most 65535", "'70000'")),
        ("INNKEEPER_LOG_LEVEL", "loud", ("one of debug, info, warning, error", "'loud'")),
        ("INNKEEPER_SIMULATION_FAILURE_RATE", "2", ("at most 1", "'2'")),
        ("INNKEEPER_SCHEDULER_RANDOM_TIES", "maybe", ("true or false", "'maybe'")),
        ("INNKEEPER_CELLS_NAMES", "a b", ("a list of", "letters", "'a b'")),
        ("INNKEEPER_CELLS_NAMES", "a,a", ("twice",)),
        ("INNKEEPER_CELLS_NAMES", "", ("at least one cell",)),
        ("INNKEEPER_PORT", "1", ("unknown setting", "api.port")),
        ("INNKEEPER_API_HOST", "192.0.2.1", ("'192.0.2.1'", "api.allow_remote")),
        ("INNKEEPER_AUTH_STRATEGY", "oauth", ("one of none, noauth2, http_basic, keystone",)),
        ("INNKEEPER_AUTH_STRATEGY", "http_basic", ("auth.htpasswd_file",)),
        ("INNKEEPER_AUTH_STRATEGY", "keystone", ("keystone.auth_url",)),
        ("INNKEEPER_PLACEMENT_LISTEN", "192.0.2.1:80", ("placement.listen", "'192.0.2.1'")),
        ("INNKEEPER_PLACEMENT_LISTEN", "8778", ("placement.listen", "HOST:PORT", "'8778'")),
        ("INNKEEPER_PLACEMENT_LISTEN", "localhost:70000", ("HOST:PORT",)),
    ],
)
def test_a_bad_value_is_refused_precisely(variable: str, text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(SetupError) as refused:
        load(file=None, environ={variable: text}, flags={})
    for word in words:
        assert word in refused.value.detail


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[api]\nport = 'x'", ("inn.toml: api.port", "a whole number")),
        ("[api]\nport = 1.5", ("inn.toml: api.port", "1.5")),
        ("[api]\nprot = 1", ("inn.toml: api.prot", "unknown setting")),
        ("[api\n", ("inn.toml", "not valid TOML")),
    ],
)
def test_a_bad_file_is_refused_precisely(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    file = tmp_path / "inn.toml"
    file.write_text(text)
    with pytest.raises(SetupError) as refused:
        load(file=file, environ={}, flags={})
    for word in words:
        assert word in refused.value.detail


def test_a_bad_flag_is_named_as_it_is_typed() -> None:
    with pytest.raises(SetupError, match=r"--failure-rate: expected a number .*got 2"):
        load(file=None, environ={}, flags={"simulation.failure_rate": 2})


@pytest.mark.parametrize(
    ("strategy", "allow_remote", "fine"),
    [
        ("none", "false", False),
        ("noauth2", "false", False),
        ("none", "true", True),
        ("noauth2", "true", True),
        ("http_basic", "false", True),
    ],
)
def test_what_guards_nothing_stays_on_the_loopback(
    strategy: str,
    allow_remote: str,
    fine: bool,  # noqa: FBT001
) -> None:
    environ = {
        "INNKEEPER_AUTH_STRATEGY": strategy,
        "INNKEEPER_AUTH_HTPASSWD_FILE": "users",
        "INNKEEPER_API_HOST": "0.0.0.0",  # noqa: S104
        "INNKEEPER_API_ALLOW_REMOTE": allow_remote,
    }
    if fine:
        assert load(file=None, environ=environ, flags={}).auth.strategy == strategy
    else:
        with pytest.raises(SetupError, match=r"api\.host: '0\.0\.0\.0'"):
            load(file=None, environ=environ, flags={})


def test_who_a_command_is_at_a_server_is_no_setting() -> None:
    environ = {"INNKEEPER_TOKEN": "t", "INNKEEPER_USER": "u:p", "INNKEEPER_CONFIG": "x"}
    assert load(file=None, environ=environ, flags={}) == Config()
