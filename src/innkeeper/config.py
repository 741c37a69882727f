"""Configuration: one frozen tree of settings, from four layers, each over the one before.

Defaults, a TOML file, ``INNKEEPER_*`` variables of the environment, flags. The key
``api.port`` is ``port`` under ``[api]`` in the file, ``INNKEEPER_API_PORT`` in the
environment and ``--port`` on the command line. A value that does not fit is refused with a
SetupError that names where it came from, the key and what was expected.

This module must never read anything by itself: file text and environment come as arguments
(``load`` is called once, by the command line).
"""

import tomllib
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from innkeeper.core.errors import SetupError

ENV_PREFIX: Final = "INNKEEPER_"
CONFIG_VARIABLE: Final = "INNKEEPER_CONFIG"
"""Names the TOML file; it is no setting itself."""
TOKEN_VARIABLE: Final = "INNKEEPER_TOKEN"  # noqa: S105 - the name of the variable
USER_VARIABLE: Final = "INNKEEPER_USER"
NO_SETTINGS: Final = frozenset({CONFIG_VARIABLE, TOKEN_VARIABLE, USER_VARIABLE})
"""Variables that start as settings do, and are none: who a command is when it asks a server."""

DIRECTORY_MODE: Final = 0o700
"""Mode of a data directory that we make: whoever may read the files needs no other leave."""
DATABASE_NAME: Final = "innkeeper.db"
"""File of the embedded database inside the data directory."""

_OTHER_FLAGS: Final = {"cells.names": "cells", "store.url": "database-url"}
"""Settings whose flag has another name than they have."""

LogLevel = Literal["debug", "info", "warning", "error"]
Strategy = Literal["none", "noauth2", "http_basic", "keystone"]
UNGUARDED: Final[frozenset[Strategy]] = frozenset({"none", "noauth2"})
"""Strategies that believe anybody."""
Interface = Literal["", "public", "internal", "admin"]
MAX_PORT: Final = 65_535
Port = Annotated[int, Meta(ge=0, le=MAX_PORT)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Count = Annotated[int, Meta(ge=0, le=100_000)]
Seconds = Annotated[float, Meta(ge=0.0, le=86_400.0)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
ConsumerText = Annotated[str, Meta(min_length=1, max_length=255)]

INCOMPLETE_ID: Final = "00000000-0000-0000-0000-000000000000"
"""What upstream's Placement writes where an old client says no project or user."""


class ApiSettings(msgspec.Struct, frozen=True):
    """Where the HTTP APIs listen."""

    host: str = "127.0.0.1"
    """Address to bind. Without authentication, keep it on the loopback."""
    port: Port = 8778
    """TCP port; 0 takes any that is free."""
    allow_remote: bool = False
    """Let it bind an address beyond the loopback though whoever reaches it may do anything."""
    max_body_bytes: Annotated[int, Meta(ge=1_024, le=1_073_741_824)] = 16_777_216
    """Longest body that is read; one that is longer is refused with 413."""
    max_query_bytes: Annotated[int, Meta(ge=1_024, le=1_048_576)] = 65_536
    """Longest target, path and query together; 414."""
    max_header_bytes: Annotated[int, Meta(ge=1_024, le=1_048_576)] = 65_536
    """Most bytes in all headers of a request together; 431."""
    receive_timeout_s: Annotated[float, Meta(ge=0.1, le=3600.0)] = 60.0
    """How long a request's head may take to arrive, and its body again; 408."""
    workers: Annotated[int, Meta(ge=0, le=64)] = 0
    """Processes of `innkeeper api` that share a database; 0: one process that has it alone."""
    remote_metrics: bool = False
    """Let /metrics be read from other machines; nobody is asked there who he is."""


class AuthSettings(msgspec.Struct, frozen=True):
    """Who is asking, and what they may do."""

    strategy: Strategy = "none"
    """How a request says who is asking; none and noauth2 guard nothing."""
    htpasswd_file: str = ""
    """Users of http_basic, with bcrypt hashes."""
    policy_file: str = ""
    """Rules of an operator, over the defaults; empty: the defaults alone."""
    enforce_scope: bool = True
    """A token of another scope than a rule is meant for gets no leave."""
    enforce_new_defaults: bool = True
    """Deprecated rules give no leave any more."""


class KeystoneSettings(msgspec.Struct, frozen=True):
    """The identity service that tokens are validated with, and who we are there."""

    auth_url: str = ""
    """Such as https://keystone:5000/v3."""
    username: str = ""
    password: str = ""
    user_domain_name: str = "Default"
    project_name: str = "service"
    project_domain_name: str = "Default"
    region_name: str = ""
    """Region of the identity endpoint to validate with, where the catalog has several."""
    interface: Interface = ""
    """Which endpoint of the catalog to validate with; empty: auth_url itself."""
    www_authenticate_uri: str = ""
    """What a 401 tells clients; empty: auth_url."""
    ca_file: str = ""
    """PEM file of the authority that signed Keystone's certificate; empty: the system's."""
    insecure: bool = False
    """Take any certificate."""
    cache_s: Annotated[float, Meta(ge=0.0, le=3600.0)] = 300.0
    """How long a validated token is believed; a revoked one works that long at most."""
    timeout_s: Annotated[float, Meta(gt=0.0, le=300.0)] = 10.0
    """Longest wait for one answer of Keystone."""
    service_token_roles: tuple[str, ...] = ("service",)
    """Roles, one of which makes a token of X-Service-Token one of a service."""
    service_token_roles_required: bool = True
    """Refuse a request whose X-Service-Token has none of them."""


class CorsSettings(msgspec.Struct, frozen=True):
    """Which pages of other origins may call the APIs from a browser."""

    allowed_origins: tuple[str, ...] = ()
    """Such as https://horizon.example.com; * is any. Empty: CORS is off."""
    allow_credentials: bool = True
    expose_headers: tuple[str, ...] = ()
    """Headers of an answer that a page may read, beyond the simple ones."""
    max_age_s: Annotated[int, Meta(ge=0, le=86_400)] = 3600
    """How long a browser may remember the answer to a preflight."""
    allow_methods: tuple[str, ...] = (
        *("OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "PATCH"),
    )
    allow_headers: tuple[str, ...] = ()
    """Headers that a page may send, beyond the simple ones."""


class PlacementSettings(msgspec.Struct, frozen=True):
    """The Placement API: its own port, and what upstream lets operators choose."""

    listen: str = ""
    """HOST:PORT that serves the Placement API alone, at ``/``; empty: only at ``/placement``."""
    randomize_candidates: bool = False
    """Give allocation candidates in random order, and a random sample where there is a limit."""
    max_candidates: Annotated[int, Meta(ge=-1, le=2_000_000_000)] = -1
    """Most candidates that one request finds; -1 or 0: no limit but the deadline, and the
    2,000,000 served groups of all candidates together that make an answer of some 300 MB."""
    search_deadline_ms: Annotated[int, Meta(ge=1, le=600_000)] = 5_000
    """A search that takes longer gives the candidates found by then."""
    incomplete_consumer_project_id: ConsumerText = INCOMPLETE_ID
    """Project of consumers that old clients write without one (before 1.8)."""
    incomplete_consumer_user_id: ConsumerText = INCOMPLETE_ID
    """User of these."""

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port of ``listen``; None if it is empty. Raises SetupError."""
        if not self.listen:
            return None
        host, colon, port = self.listen.rpartition(":")
        if not colon or not host or not port.isdecimal() or int(port[:6]) > MAX_PORT:
            raise SetupError(
                f"placement.listen: expected HOST:PORT such as 127.0.0.1:8779, got {self.listen!r}"
            )
        return host.removeprefix("[").removesuffix("]"), int(port)


class StoreSettings(msgspec.Struct, frozen=True):
    """Where the truth is kept."""

    url: str = ""
    """SQLAlchemy URL; empty: SQLite in the data directory."""
    pool_size: Annotated[int, Meta(ge=1, le=100)] = 4
    """Connections that read, beside the one that writes."""
    connect_timeout_s: Annotated[float, Meta(gt=0.0, le=3600.0)] = 5.0
    """Longest wait for a connection to a database server."""
    statement_timeout_s: Annotated[float, Meta(gt=0.0, le=86_400.0)] = 30.0
    """What one statement may take on a database server before it is given up."""
    reconnect_s: Seconds = 15.0
    """How long a request waits for a database server that has gone away: a failover's time."""
    read: Literal["linearizable", "bounded-stale"] = "linearizable"
    """What a request that only reads may see where several processes share a database."""
    max_staleness_s: Annotated[float, Meta(gt=0.0, le=3600.0)] = 1.0
    """How old that may be where ``read`` is bounded-stale."""

    @property
    def read_within_s(self) -> float:
        """How old what a request reads may be; 0: not at all."""
        return self.max_staleness_s if self.read == "bounded-stale" else 0.0


class CellSettings(msgspec.Struct, frozen=True):
    """Cells that this process runs conductors for."""

    names: tuple[Name, ...] = ("cell-a", "cell-b")
    poll_s: Annotated[float, Meta(gt=0.0, le=3600.0)] = 1.0
    """Longest time that a durable task waits when the hint that it is there was lost."""
    lease_s: Annotated[float, Meta(gt=0.0, le=3600.0)] = 15.0
    """How long a conductor that died keeps its tasks from the others."""


class SimulationSettings(msgspec.Struct, frozen=True):
    """Simulated hosts that ``innkeeper up`` registers, and the driver that builds on them."""

    hosts: Count = 8
    """How many, shared out among the cells in turn."""
    vcpus: Annotated[int, Meta(ge=1, le=100_000)] = 32
    memory_mb: Annotated[int, Meta(ge=1, le=2_000_000_000)] = 131_072
    disk_gb: Annotated[int, Meta(ge=0, le=2_000_000_000)] = 1_000
    gpus: Annotated[int, Meta(ge=0, le=64)] = 2
    """GPUs of each host: a child provider each, with one PGPU."""
    build_s: Seconds = 0.2
    """Median time of a build."""
    build_sigma: Annotated[float, Meta(ge=0.0, le=5.0)] = 0.5
    """Spread of that time: the standard deviation of its logarithm."""
    failure_rate: Share = 0.02
    """Share of builds that fail."""
    seed: int = 42


class SchedulerSettings(msgspec.Struct, frozen=True):
    """How hosts are chosen when a request does not say."""

    policy: str = "spread"
    """Weigher profile for requests that name none."""
    alternates: Annotated[int, Meta(ge=0, le=100)] = 3
    """Spare selections that a cell's conductor may retry on."""
    host_subset_size: Annotated[int, Meta(ge=1, le=10_000)] = 1
    """Pick among this many best hosts at random."""
    random_ties: bool = False
    """Break ties at random instead of by order of registration."""


class Config(msgspec.Struct, frozen=True):
    """Every setting of Innkeeper."""

    data_dir: str = "./innkeeper-data"
    """Directory of the embedded database; made if it is missing."""
    log_level: LogLevel = "warning"
    api: ApiSettings = ApiSettings()
    auth: AuthSettings = AuthSettings()
    keystone: KeystoneSettings = KeystoneSettings()
    cors: CorsSettings = CorsSettings()
    placement: PlacementSettings = PlacementSettings()
    store: StoreSettings = StoreSettings()
    cells: CellSettings = CellSettings()
    simulation: SimulationSettings = SimulationSettings()
    scheduler: SchedulerSettings = SchedulerSettings()

    @property
    def data_path(self) -> Path:
        """The data directory as an absolute path."""
        return Path(self.data_dir).expanduser().resolve()

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the store."""
        return self.store.url or f"sqlite:///{self.data_path / DATABASE_NAME}"


def load(
    *,
    file: Path | None,
    environ: Mapping[str, str],
    flags: Mapping[str, object],
) -> Config:
    """Build the configuration from its layers.

    ``flags`` maps dotted keys to values; a value of None means that the flag was not given.
    Raises SetupError.
    """
    settings = dict(setting_types())
    values: dict[str, object] = {}
    for key, value, source in _given(file, environ=environ, flags=flags):
        if key not in settings:
            raise SetupError(f"{source}: unknown setting{_nearest(key, settings)}")
        values[key] = _convert(value, settings[key], source=source)
    config = msgspec.convert(_nest(values), Config)
    _check(config)
    return config


def setting_types() -> Iterator[tuple[str, object]]:
    """Yield (dotted key, type) for every setting, in the order of the tree."""
    yield from _leaves(Config, "")


def env_name(key: str) -> str:
    """Give the environment variable of a dotted key."""
    return ENV_PREFIX + key.replace(".", "_").upper()


def _leaves(kind: type[msgspec.Struct], prefix: str) -> Iterator[tuple[str, object]]:
    for name, hint in get_type_hints(kind, include_extras=True).items():
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            yield from _leaves(hint, f"{prefix}{name}.")
        elif name in kind.__struct_fields__:
            yield prefix + name, hint


def _given(
    file: Path | None, *, environ: Mapping[str, str], flags: Mapping[str, object]
) -> Iterator[tuple[str, object, str]]:
    """Yield (key, value, where it was given), weakest layer first."""
    if file is not None:
        for key, value in _flatten(_read(file), ""):
            yield key, value, f"{file}: {key}"
    by_variable = {env_name(key): key for key, _ in setting_types()}
    for variable, text in sorted(environ.items()):
        if variable.startswith(ENV_PREFIX) and variable not in NO_SETTINGS:
            yield by_variable.get(variable, variable), text, f"environment variable {variable}"
    for key, value in flags.items():
        if value is not None:
            yield key, value, _flag(key)


def _flag(key: str) -> str:
    """Give the flag of a dotted key: its last name, unless that alone would say too little."""
    name = _OTHER_FLAGS.get(key) or (
        key if key.startswith("placement.") else key.rpartition(".")[2]
    )
    return "--" + name.replace(".", "-").replace("_", "-")


def _read(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SetupError(f"{file}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SetupError(f"{file}: not valid TOML: {error}") from error


def _flatten(table: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _convert(value: object, kind: object, *, source: str) -> object:
    """Give ``value`` as ``kind``. Text may stand for any type; it comes from the environment."""
    if isinstance(value, str) and get_origin(kind) is tuple:
        value = [part.strip() for part in value.split(",") if part.strip()]
    try:
        return msgspec.convert(value, kind, strict=not isinstance(value, str))
    except msgspec.ValidationError as error:
        shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
        raise SetupError(f"{source}: expected {_expected(kind)}, got {shown!r}") from error


def _expected(kind: object) -> str:
    """Describe a setting's type for people."""
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    if get_origin(kind) is tuple:
        return "a list of: " + _expected(get_args(kind)[0])
    if get_origin(kind) is Annotated:
        base, meta = get_args(kind)
        return _expected(base) + _bounds(meta)
    words = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    return words[kind] if isinstance(kind, type) else str(kind)


def _bounds(meta: Meta) -> str:
    limits = []
    if meta.pattern is not None:
        limits.append("letters, digits, '.', '_' and '-'")
    if meta.ge is not None:
        limits.append(f"at least {meta.ge:g}")
    if meta.gt is not None:
        limits.append(f"more than {meta.gt:g}")
    if meta.le is not None:
        limits.append(f"at most {meta.le:g}")
    if meta.min_length:
        limits.append("not empty")
    return f" ({', '.join(limits)})" if limits else ""


def _nearest(key: str, settings: Mapping[str, object]) -> str:
    """Name the settings that may have been meant."""
    last = key.removeprefix(ENV_PREFIX).rpartition(".")[2].lower()
    near = [name for name in settings if name.rpartition(".")[2] in last or last in name]
    return f"; did you mean {' or '.join(near[:3])}?" if near else ""


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches, or has, the address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _nest(values: Mapping[str, object]) -> dict[str, object]:
    """Turn dotted keys into tables."""
    tree: dict[str, object] = {}
    for key, value in values.items():
        table, _, name = key.rpartition(".")
        branch = tree.setdefault(table, {}) if table else tree
        if isinstance(branch, dict):
            branch[name] = value
    return tree


def _check(config: Config) -> None:
    """Raise SetupError where settings contradict each other."""
    _check_auth(config)
    names = config.cells.names
    if not names:
        raise SetupError("cells.names: expected at least one cell")
    if len(set(names)) != len(names):
        raise SetupError("cells.names: the same cell is named twice")


def _check_auth(config: Config) -> None:
    strategy = config.auth.strategy
    # Looked at in any case, so that a malformed one is refused.
    address = config.placement.address
    if strategy in UNGUARDED and not config.api.allow_remote:
        _check_loopback("api.host", config.api.host)
        if address is not None:
            _check_loopback("placement.listen", address[0])
    if strategy == "http_basic" and not config.auth.htpasswd_file:
        raise SetupError("auth.htpasswd_file: auth.strategy http_basic needs the file of its users")
    if strategy == "keystone":
        for key in ("auth_url", "username", "password"):
            if not getattr(config.keystone, key):
                raise SetupError(f"keystone.{key}: auth.strategy keystone needs it")


def _check_loopback(key: str, host: str) -> None:
    if not is_loopback(host):
        raise SetupError(
            f"{key}: '{host}' can be reached from elsewhere, and whoever reaches the API may do"
            " anything. Bind 127.0.0.1, choose another auth.strategy than none or noauth2, or set"
            " api.allow_remote."
        )
