"""What each option of placement.conf is called here, or why there is no such thing.

The options are those of openstack-placement 16 and of the libraries that it reads, with the
older names that these still take.
"""

from collections.abc import Callable
from typing import Final

import msgspec

TRUE: Final = frozenset({"true", "1", "on", "yes"})
FALSE: Final = frozenset({"false", "0", "off", "no"})


class Setting(msgspec.Struct, frozen=True):
    """The setting of ours that an option becomes."""

    key: str
    convert: Callable[[str], object]
    """Raises ValueError, saying what is wrong with the text."""


class NotHere(msgspec.Struct, frozen=True):
    """An option without a counterpart."""

    why: str
    look: bool = False
    """Whether something may behave differently now, so that a person should look."""
    unless: frozenset[str] = frozenset()
    """Values, in lower case, that mean what Innkeeper does anyway."""

    def wants_a_look(self, value: str) -> bool:
        """Whether a person should look, where the option has this value."""
        return self.look and value.strip().lower() not in self.unless


def text(value: str) -> str:
    """Give text."""
    return value


def boolean(value: str) -> bool:
    """Give a truth value as oslo.config reads it."""
    lowered = value.strip().lower()
    if lowered in TRUE | FALSE:
        return lowered in TRUE
    raise ValueError(f"{value!r} is neither true nor false")


def whole(value: str) -> int:
    """Give a whole number."""
    try:
        return int(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is no whole number") from error


def words(value: str) -> tuple[str, ...]:
    """Give a list, which has commas between its parts."""
    return tuple(part.strip() for part in value.replace("\n", ",").split(",") if part.strip())


def _log_level(value: str) -> str:
    return "debug" if boolean(value) else "info"


def _seconds(value: str) -> float:
    return float(max(0, whole(value)))


def _domain_id(value: str) -> str:
    # Keystone makes its first domain with this id and this name.
    if value == "default":
        return "Default"
    raise ValueError("the domain's name is wanted, and only Keystone knows it")


_ONE_PROCESS: Final = NotHere("tokens are remembered inside the process; there is no memcached")
_LOGGING: Final = NotHere("logs go to stderr; what runs Innkeeper (systemd) keeps them")
_POOL: Final = NotHere("the database is Innkeeper's own; see [store]")
_REMOTE_POLICY: Final = NotHere("policies come from a file, never from a server", look=True)
_PASSWORD: Final = NotHere(
    "Innkeeper logs in to Keystone with a password",
    look=True,
    unless=frozenset({"password", "v3password"}),
)
_TLS_CLIENT: Final = NotHere("Innkeeper shows Keystone no certificate of its own", look=True)

Entry = Setting | NotHere
Section = dict[str, Entry]


def _all(why: NotHere, *names: str) -> Section:
    return dict.fromkeys(names, why)


_DEFAULT: Final[Section] = {
    "debug": Setting("log_level", _log_level),
    "auth_strategy": Setting("auth.strategy", text),
    **_all(
        _LOGGING,
        *("log_config_append", "log_config", "log_date_format", "log_file", "logfile", "log_dir"),
        *("logdir", "watch_log_file", "use_syslog", "use_journal", "syslog_log_facility"),
        *("use_json", "use_stderr", "use_eventlog", "log_color", "log_rotate_interval"),
        *("log_rotate_interval_type", "max_logfile_count", "max_logfile_size_mb"),
        *("log_rotation_type", "logging_context_format_string", "logging_default_format_string"),
        *("logging_debug_format_suffix", "logging_exception_prefix"),
        *("logging_user_identity_format", "default_log_levels", "publish_errors"),
        *("instance_format", "instance_uuid_format", "rate_limit_interval", "rate_limit_burst"),
        *("rate_limit_except_level", "fatal_deprecations", "log_options", "verbose"),
    ),
    **_all(NotHere("Innkeeper keeps its files in data_dir"), "tempdir", "pybasedir", "state_path"),
}

_PLACEMENT: Final[Section] = {
    "randomize_allocation_candidates": Setting("placement.randomize_candidates", boolean),
    "max_allocation_candidates": Setting("placement.max_candidates", whole),
    "incomplete_consumer_project_id": Setting("placement.incomplete_consumer_project_id", text),
    "incomplete_consumer_user_id": Setting("placement.incomplete_consumer_user_id", text),
    "allocation_conflict_retry_count": NotHere(
        "a claim is one conditional write: there is no conflict to try again"
    ),
    "allocation_candidates_generation_strategy": NotHere(
        "candidates come from all trees in turn, as with breadth-first: those that"
        " max_allocation_candidates or a limit leaves are of more hosts",
        look=True,
        unless=frozenset({"breadth-first"}),
    ),
}

_DATABASE: Final[Section] = {
    "connection": NotHere("the database to give to `innkeeper import placement`"),
    **_all(
        _POOL,
        *("connection_parameters", "sqlite_synchronous", "slave_connection", "mysql_sql_mode"),
        *("connection_recycle_time", "idle_timeout", "max_pool_size", "max_retries"),
        *("retry_interval", "max_overflow", "connection_debug", "connection_trace"),
        *("pool_timeout", "mysql_enable_ndb", "use_db_reconnect", "db_retry_interval"),
        *("db_inc_retry_interval", "db_max_retry_interval", "db_max_retries", "backend"),
    ),
    "sync_on_startup": NotHere("Innkeeper brings its schema to the newest whenever it starts"),
}

_POLICY: Final[Section] = {
    "policy_file": Setting("auth.policy_file", text),
    "enforce_scope": Setting("auth.enforce_scope", boolean),
    "enforce_new_defaults": Setting("auth.enforce_new_defaults", boolean),
    "policy_default_rule": NotHere("Placement's rules name no default rule"),
    "policy_dirs": NotHere(
        "there is one policy file; put the rules together",
        look=True,
        unless=frozenset({"policy.d"}),
    ),
    **_all(
        _REMOTE_POLICY,
        *("remote_content_type", "remote_ssl_verify_server_crt", "remote_ssl_ca_crt_file"),
        *("remote_ssl_client_crt_file", "remote_ssl_client_key_file", "remote_timeout"),
    ),
}

_CORS: Final[Section] = {
    "allowed_origin": Setting("cors.allowed_origins", words),
    "allow_credentials": Setting("cors.allow_credentials", boolean),
    "expose_headers": Setting("cors.expose_headers", words),
    "max_age": Setting("cors.max_age_s", whole),
    "allow_methods": Setting("cors.allow_methods", words),
    "allow_headers": Setting("cors.allow_headers", words),
}

AUTH_SECTION: Final = "keystone_authtoken"
_KEYSTONE: Final[Section] = {
    "auth_url": Setting("keystone.auth_url", text),
    **dict.fromkeys(("username", "user_name"), Setting("keystone.username", text)),
    "password": Setting("keystone.password", text),
    "user_domain_name": Setting("keystone.user_domain_name", text),
    "user_domain_id": Setting("keystone.user_domain_name", _domain_id),
    **dict.fromkeys(("project_name", "tenant_name"), Setting("keystone.project_name", text)),
    "project_domain_name": Setting("keystone.project_domain_name", text),
    "project_domain_id": Setting("keystone.project_domain_name", _domain_id),
    "region_name": Setting("keystone.region_name", text),
    "interface": Setting("keystone.interface", text),
    **dict.fromkeys(
        ("www_authenticate_uri", "auth_uri"), Setting("keystone.www_authenticate_uri", text)
    ),
    "cafile": Setting("keystone.ca_file", text),
    "insecure": Setting("keystone.insecure", boolean),
    "token_cache_time": Setting("keystone.cache_s", _seconds),
    "http_connect_timeout": Setting("keystone.timeout_s", _seconds),
    "service_token_roles": Setting("keystone.service_token_roles", words),
    "service_token_roles_required": Setting("keystone.service_token_roles_required", boolean),
    **_all(
        _ONE_PROCESS,
        *("memcached_servers", "memcache_servers", "memcache_security_strategy"),
        *("memcache_secret_key", "memcache_tls_enabled", "memcache_tls_cafile"),
        *("memcache_tls_certfile", "memcache_tls_keyfile", "memcache_tls_allowed_ciphers"),
        *("memcache_pool_dead_retry", "memcache_pool_maxsize", "memcache_pool_socket_timeout"),
        *("memcache_pool_unused_timeout", "memcache_pool_conn_get_timeout"),
        *("memcache_use_advanced_pool", "memcache_sasl_enabled", "memcache_username"),
        *("memcache_password", "cache"),
    ),
    **_all(_TLS_CLIENT, "certfile", "keyfile"),
    **_all(
        NotHere("Innkeeper logs in to Keystone with a password and a project", look=True),
        *("user_id", "project_id", "tenant_id", "system_scope", "domain_id", "domain_name"),
        *("trust_id", "default_domain_id", "default_domain_name"),
    ),
    **_all(_PASSWORD, "auth_type", "auth_plugin"),
    "auth_section": NotHere("what that section says is translated as if it stood here"),
    "auth_version": NotHere(
        "Keystone's API is version 3", look=True, unless=frozenset({"v3", "v3.0", "3", "auto"})
    ),
    "http_request_max_retries": NotHere("a request to Keystone has one deadline, timeout_s"),
    "delay_auth_decision": NotHere(
        "a request without a token is refused at once", look=True, unless=FALSE
    ),
    "include_service_catalog": NotHere("no catalog is needed to serve placement"),
    "service_type": NotHere("no catalog is needed to serve placement"),
    "enforce_token_bind": NotHere("Keystone itself has no bound tokens any more"),
}

SECTIONS: Final[dict[str, Section]] = {
    "DEFAULT": _DEFAULT,
    "api": {"auth_strategy": Setting("auth.strategy", text)},
    "placement": _PLACEMENT,
    "placement_database": _DATABASE,
    "oslo_policy": _POLICY,
    "cors": _CORS,
    AUTH_SECTION: _KEYSTONE,
    "oslo_middleware": {
        "enable_proxy_headers_parsing": NotHere(
            "absolute URLs in answers name the host that the request named", look=True, unless=FALSE
        ),
        "max_request_body_size": NotHere("bodies have a limit of their own"),
    },
    "workarounds": {
        "optimize_for_wide_provider_trees": NotHere("the search does so always"),
    },
}

WHOLE_SECTIONS: Final[dict[str, NotHere]] = {
    "cors.subdomain": NotHere("there is one set of origins, [cors]", look=True),
    "profiler": NotHere("there is no osprofiler"),
    "oslo_reports": NotHere("there are no Guru reports"),
    "oslo_concurrency": NotHere("there are no lock files to place"),
    "oslo_versionedobjects": NotHere("Placement has had no use for it for years"),
}
"""Sections without a counterpart, whatever they say."""

PLACEMENTS_DEFAULTS: Final[dict[str, object]] = {
    "auth.strategy": "keystone",
}
"""What Placement does where its file is silent and Innkeeper would do otherwise."""

CORS_DEFAULTS: Final[dict[str, tuple[str, ...]]] = {
    "cors.allow_headers": (
        *("X-Auth-Token", "X-Openstack-Request-Id", "X-Identity-Status", "X-Roles"),
        *("X-Service-Catalog", "X-User-Id", "X-Tenant-Id", "OpenStack-API-Version"),
    ),
    "cors.expose_headers": (
        *("X-Auth-Token", "X-Openstack-Request-Id", "X-Subject-Token", "X-Service-Token"),
        "OpenStack-API-Version",
    ),
    "cors.allow_methods": ("GET", "PUT", "POST", "DELETE", "PATCH"),
}
"""The same, where CORS is on."""
