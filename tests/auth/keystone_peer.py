"""A real Keystone: a process to start, kill and start again, and an administrator's hands."""

import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx2

PATIENCE_S = 120.0
POLL_S = 0.05
PASSWORD = "secret"
HERE = Path(__file__).resolve().parent

Json = Any


class Keystone:
    """One Keystone on a loopback port, with its state in a directory."""

    def __init__(self, directory: Path, python: Path) -> None:
        self._directory = directory
        self._python = python
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v3"
        self.http = httpx2.Client(timeout=PATIENCE_S)
        self._process: subprocess.Popen[bytes] | None = None
        self._admin = ""

    def start(self) -> None:
        """Start it, and wait until it answers."""
        environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        with (self._directory / "out.log").open("ab") as out:
            self._process = subprocess.Popen(
                [self._python, HERE / "keystone_server.py", self._directory, str(self.port)],
                env=environ | {"PASSWORD": PASSWORD},
                stdout=out,
                stderr=out,
            )
        deadline = time.monotonic() + PATIENCE_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self._directory / "out.log").read_text()[-3000:])
            time.sleep(POLL_S)
        self._admin = self.token("admin")

    def kill(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            return self.http.get(self.url).status_code == 200
        except httpx2.TransportError:
            return False

    def requests(self) -> list[str]:
        """Give the requests it has answered."""
        return (self._directory / "requests.log").read_text().splitlines()

    def validations(self) -> int:
        """Give how often somebody asked about a token."""
        return sum(each.startswith("GET /v3/auth/tokens?") for each in self.requests())

    # --- an administrator's hands

    def call(self, method: str, path: str, body: Json = None) -> Json:
        """Ask as the administrator; give the body of the answer."""
        headers = {"x-auth-token": self._admin}
        answer = self.http.request(method, self.url + path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def found(self, kind: str, name: str) -> str:
        """Give the id of a thing by its name; ``kind`` is plural."""
        (thing,) = self.call("GET", f"/{kind}?name={name}")[kind]
        return str(thing["id"])

    def made(self, kind: str, **fields: Json) -> str:
        """Make a thing; give its id. ``kind`` is singular."""
        return str(self.call("POST", f"/{kind}s", {kind: fields})[kind]["id"])

    def user(self, name: str, **roles: str) -> str:
        """Make a user who has a role in each project named; system and domain are words as well."""
        user = self.made("user", name=name, password=PASSWORD, domain_id="default")
        for where, role in roles.items():
            place = {
                "system": "/system",
                "domain": "/domains/default",
            }.get(where) or f"/projects/{self.found('projects', where)}"
            self.call("PUT", f"{place}/users/{user}/roles/{self.found('roles', role)}")
        return user

    def token(
        self, name: str, scope: Json = None, *, lives_s: int = 3600, identity: Json = None
    ) -> str:
        """Get a token by password; without a scope, one of the user's project."""
        default = {"id": "default"}
        user = {"name": name, "domain": default, "password": PASSWORD}
        project = {"admin": "admin", "nova": "service"}.get(name, "demo")
        asked: Json = {
            "identity": identity or {"methods": ["password"], "password": {"user": user}}
        }
        if identity is None:
            asked["scope"] = scope or {"project": {"name": project, "domain": default}}
        answer = self.http.post(
            f"{self.url}/auth/tokens", json={"auth": asked}, headers={"x-lives-s": str(lives_s)}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.headers["x-subject-token"])

    def revoke(self, token: str) -> None:
        """End a token before its time."""
        headers = {"x-auth-token": self._admin, "x-subject-token": token}
        answer = self.http.delete(f"{self.url}/auth/tokens", headers=headers)
        assert answer.status_code == 204, answer.text
