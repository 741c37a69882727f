"""Refusals on the wire: an HTTP status, words and a code; and what each core error becomes."""

from typing import Final

from innkeeper.core import errors as core

# Codes of the contract. A client may compare them; none ever gets another meaning.
UNDEFINED: Final = "placement.undefined_code"
CONCURRENT_UPDATE: Final = "placement.concurrent_update"
DUPLICATE_NAME: Final = "placement.duplicate_name"
INVENTORY_IN_USE: Final = "placement.inventory.inuse"
PROVIDER_IN_USE: Final = "placement.resource_provider.inuse"
CANNOT_DELETE_PARENT: Final = "placement.resource_provider.cannot_delete_parent"
PROVIDER_NOT_FOUND: Final = "placement.resource_provider.not_found"
DUPLICATE_KEY: Final = "placement.query.duplicate_key"
BAD_VALUE: Final = "placement.query.bad_value"
MISSING_VALUE: Final = "placement.query.missing_value"


class HttpError(Exception):
    """A request is refused."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str = UNDEFINED,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code
        self.headers = headers


def bad_request(detail: str, *, code: str = UNDEFINED) -> HttpError:
    """Give the refusal of a request that is malformed or contradicts itself."""
    return HttpError(400, detail, code=code)


_STATUSES: Final[tuple[tuple[type[core.InnkeeperError], int, str], ...]] = (
    (core.InvalidInput, 400, UNDEFINED),
    (core.NotFound, 404, UNDEFINED),
    (core.ConcurrentUpdate, 409, CONCURRENT_UPDATE),
    (core.DuplicateName, 409, DUPLICATE_NAME),
    (core.InventoryInUse, 409, INVENTORY_IN_USE),
    (core.ProviderInUse, 409, PROVIDER_IN_USE),
    (core.CannotDeleteParent, 409, CANNOT_DELETE_PARENT),
    (core.Conflict, 409, UNDEFINED),
    (core.StoreError, 503, UNDEFINED),
    (core.IdentityUnavailable, 503, UNDEFINED),
)
"""The first class that an error is an instance of decides; none: 500."""


def refusal(
    error: core.InnkeeperError, detail: str | None = None, *, code: str | None = None
) -> HttpError:
    """Give what a core error is on the wire, in other words or with another code if given."""
    for kind, status, usual in _STATUSES:
        if isinstance(error, kind):
            return HttpError(status, detail or error.detail, code=code or usual)
    return HttpError(500, detail or error.detail)
