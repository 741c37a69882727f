"""Token: what Keystone says about one, and who it makes its bearer.

Shapes are those of Keystone's API, version 3; what is not needed is not read.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from innkeeper.auth.credentials import Credentials, ServiceCredentials


class Domain(msgspec.Struct, frozen=True):
    """A domain."""

    id: str


class Owned(msgspec.Struct, frozen=True):
    """A user or a project, which some domain has."""

    id: str
    domain: Domain


class Role(msgspec.Struct, frozen=True):
    """A role."""

    name: str


class AccessRule(msgspec.Struct, frozen=True):
    """One kind of request that an application credential may be used for."""

    service: str
    method: str
    path: str
    """A pattern; see ``access_rules``."""


class ApplicationCredential(msgspec.Struct, frozen=True):
    """What a token was got by, if not by a password."""

    access_rules: tuple[AccessRule, ...] | None = None
    """None: any request."""


class Endpoint(msgspec.Struct, frozen=True):
    """Where a service is."""

    interface: str
    url: str
    region_id: str | None = None


class Service(msgspec.Struct, frozen=True):
    """A service of the catalog."""

    type: str
    endpoints: tuple[Endpoint, ...] = ()


class Token(msgspec.Struct, frozen=True):
    """A token that Keystone knows."""

    expires_at: Annotated[datetime, msgspec.Meta(tz=True)]
    user: Owned
    project: Owned | None = None
    domain: Domain | None = None
    system: dict[str, Any] | None = None
    roles: tuple[Role, ...] = ()
    is_admin_project: bool = True
    application_credential: ApplicationCredential | None = None
    catalog: tuple[Service, ...] = ()

    @property
    def role_names(self) -> frozenset[str]:
        """The names of its roles, in lower case."""
        return frozenset(role.name.lower() for role in self.roles)

    def credentials(self, service: "Token | None" = None) -> Credentials:
        """Give who its bearer is; ``service`` is the token of the service that asks for him."""
        project = self.project
        return Credentials(
            user_id=self.user.id,
            project_id=None if project is None else project.id,
            roles=self.role_names,
            system_scope="all" if (self.system or {}).get("all") else "",
            domain_id=None if self.domain is None else self.domain.id,
            user_domain_id=self.user.domain.id,
            project_domain_id=None if project is None else project.domain.id,
            is_admin_project=self.is_admin_project,
            service=None if service is None else service.as_service(),
        )

    def as_service(self) -> ServiceCredentials:
        """Give who its bearer is if it came as a second token, beside a user's."""
        project = self.project
        return ServiceCredentials(
            user_id=self.user.id,
            user_domain_id=self.user.domain.id,
            project_id=None if project is None else project.id,
            project_domain_id=None if project is None else project.domain.id,
            roles=self.role_names,
        )


class TokenShown(msgspec.Struct, frozen=True):
    """Body of an answer about a token."""

    token: Token
