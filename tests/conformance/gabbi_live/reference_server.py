"""Serve the reference (openstack-placement) live, to prove that the tests here judge rightly.

    GABBI_TARGET='python tests/conformance/gabbi_live/reference_server.py {port} {data_dir}'

It is configured from the environment as upstream's own fixtures configure it.
"""

import argparse
import copy
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from cheroot import wsgi
from oslo_config import cfg
from oslo_policy import opts as policy_opts
from placement import conf, db_api, deploy, policies, policy
from placement.db.sqlalchemy import migration


def words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def make_config(data_dir: Path, environment: Mapping[str, str]) -> Any:
    config = cfg.ConfigOpts()
    conf.register_opts(config)
    policy_opts.set_defaults(config)
    # A policy file that does not exist overrides nothing.
    policy_file = environment["GABBI_POLICY_FILE"] or str(data_dir / "none.yaml")
    origins = words(environment["GABBI_CORS_ALLOWED_ORIGIN"])
    chosen = {
        "placement_database": {"connection": f"sqlite:///{data_dir}/placement.db"},
        "api": {"auth_strategy": "noauth2"},
        "oslo_policy": {
            "enforce_new_defaults": environment["GABBI_SECURE_RBAC"] == "1",
            "policy_file": policy_file,
        },
    }
    if origins:
        headers = words(environment["GABBI_CORS_ALLOW_HEADERS"])
        chosen["cors"] = {"allowed_origin": origins, "allow_headers": headers}
    for group, options in chosen.items():
        for name, value in options.items():
            config.set_override(name, value, group=group)
    # Not None: /etc/placement/placement.conf must not be read.
    config([], default_config_files=[])
    return config


def make_app(data_dir: Path, environment: Mapping[str, str]) -> Any:
    config = make_config(data_dir, environment)
    db_api.configure(config)
    migration.create_schema()
    policy.init(
        config,
        suppress_deprecation_warnings=True,
        rules=copy.deepcopy(policies.list_rules()),
    )
    return deploy.loadapp(config)


def end(_number: int, _frame: FrameType | None) -> None:
    """End at once: there is nothing to save, and somebody waits."""
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("data_dir", type=Path)
    arguments = parser.parse_args()
    app = make_app(arguments.data_dir, os.environ)
    signal.signal(signal.SIGTERM, end)
    wsgi.Server(("127.0.0.1", arguments.port), app, numthreads=4).start()


if __name__ == "__main__":
    main()
