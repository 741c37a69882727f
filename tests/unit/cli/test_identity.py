"""Who a command is at a server."""

import httpx2
import pytest

from innkeeper.cli.identity import Bearer, KeystonePassword, identity, who_to_be
from innkeeper.core.errors import SetupError

OPENSTACK = {
    "OS_AUTH_URL": "http://keystone:5000",
    "OS_USERNAME": "u",
    "OS_PASSWORD": "p",
    "OS_PROJECT_NAME": "demo",
}


@pytest.mark.parametrize(
    ("token", "user", "environ", "kind"),
    [
        (None, None, {}, type(None)),
        ("t", "u:p", OPENSTACK, Bearer),
        (None, "u:p", OPENSTACK, httpx2.BasicAuth),
        (None, None, {"INNKEEPER_TOKEN": "t"}, Bearer),
        (None, None, {"OS_TOKEN": "t"}, Bearer),
        (None, None, {"INNKEEPER_USER": "u:p:q"}, httpx2.BasicAuth),
        (None, None, OPENSTACK, KeystonePassword),
        (None, None, {**OPENSTACK, "OS_PASSWORD": ""}, type(None)),
    ],
)
def test_the_first_that_is_given_counts(
    token: str | None, user: str | None, environ: dict[str, str], kind: type
) -> None:
    assert type(identity(token, user, environ)) is kind


def test_a_user_without_a_password() -> None:
    with pytest.raises(SetupError, match="NAME:PASSWORD"):
        identity(None, "ann", {})


def test_what_to_set_depends_on_what_the_server_wants() -> None:
    assert "INNKEEPER_USER" in who_to_be('Basic realm="innkeeper"')
    for challenge in ("", 'Keystone uri="http://keystone:5000"'):
        assert "INNKEEPER_TOKEN" in who_to_be(challenge)
        assert "OS_AUTH_URL" in who_to_be(challenge)
