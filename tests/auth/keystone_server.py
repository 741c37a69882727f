"""Run by the peers' Python: a real Keystone on SQLite, from nothing, with a log of its requests.

    keystone_server.py DIRECTORY PORT

The directory holds all of it, and outlives it: a second run on it goes on with the first one's
database. Each request is a line ``METHOD PATH?QUERY STATUS`` of DIRECTORY/requests.log. The user
admin has the password that PASSWORD is in the environment. A request for a token may say in the
header X-Lives-S how long the token shall live.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cheroot import wsgi

CONFIG = """
[DEFAULT]
log_file = {directory}/keystone.log
[database]
connection = sqlite:///{directory}/keystone.db
[fernet_tokens]
key_repository = {directory}/fernet
[token]
expiration = 3600
allow_expired_window = 600
[cache]
enabled = true
backend = oslo_cache.dict
[identity]
password_hash_rounds = 4
"""

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def run_manage(config: Path, *arguments: str) -> None:
    """Run keystone-manage in a child that has the imports already: they take seconds."""
    from keystone.cmd import manage  # noqa: PLC0415 - only a first run needs it

    child = os.fork()
    if child == 0:
        sys.argv = ["keystone-manage", "--config-file", str(config), *arguments]
        code = 1
        try:
            manage.main()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if status:
        raise SystemExit(f"keystone-manage {arguments[0]} failed: see keystone.log")


def application(config: Path, log: Path) -> Application:
    """Give Keystone with a log of its requests around it."""
    import keystone.conf  # noqa: PLC0415 - after the children of a first run
    from keystone.server.flask import core  # noqa: PLC0415

    sys.argv = ["keystone"]
    inner = core.initialize_application(name="public", config_files=[str(config)])
    one_at_a_time = threading.Lock()

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        asked = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ['QUERY_STRING']}"

        def start(status: str, *more: object) -> object:
            with log.open("a") as file:
                file.write(f"{asked} {status[:3]}\n")
            return start_response(status, *more)

        lives_s = int(environ.get("HTTP_X_LIVES_S", "3600"))
        with one_at_a_time:
            keystone.conf.CONF.set_override("expiration", lives_s, "token")
            return inner(environ, start)

    return answer


def main() -> None:
    """Make it if it is not there; serve it."""
    directory, port = Path(sys.argv[1]), int(sys.argv[2])
    config = directory / "keystone.conf"
    if not config.exists():
        config.write_text(CONFIG.format(directory=directory))
        url = f"http://127.0.0.1:{port}/v3"
        run_manage(config, "db_sync")
        run_manage(config, "fernet_setup", "--keystone-user", "root", "--keystone-group", "root")
        urls = ["--bootstrap-public-url", url, "--bootstrap-internal-url", url]
        password = ["--bootstrap-password", os.environ["PASSWORD"]]
        run_manage(config, "bootstrap", "--bootstrap-region-id", "RegionOne", *password, *urls)
    app = application(config, directory / "requests.log")
    wsgi.Server(("127.0.0.1", port), app).start()


if __name__ == "__main__":
    main()
