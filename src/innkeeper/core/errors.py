"""The one tree of errors. Each leaf has a stable code, never used again for another meaning.

The API maps these to statuses in one table; nothing here knows HTTP. ``detail`` is for
people and says what to do where something can be done.
"""

from typing import ClassVar

from innkeeper.core.decision import Decision


class InnkeeperError(Exception):
    """Root of every error that Innkeeper raises on purpose."""

    code: ClassVar[str] = "innkeeper.error"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


# --- the caller's mistakes -------------------------------------------------------------


class InvalidInput(InnkeeperError):
    """What was sent is malformed or contradicts itself; nothing was changed."""

    code = "innkeeper.invalid_input"


class UnknownName(InvalidInput):
    """A trait, resource class, provider or other name in a request does not exist."""

    code = "innkeeper.unknown_name"


class NotFound(InnkeeperError):
    """The thing that the path names does not exist."""

    code = "innkeeper.not_found"


# --- conflicts with the state of the store ---------------------------------------------


class Conflict(InnkeeperError):
    """The store's state forbids it now."""

    code = "innkeeper.conflict"


class ConcurrentUpdate(Conflict):
    """A generation (of a provider or a consumer) is not the one that the caller saw."""

    code = "innkeeper.concurrent_update"


class DuplicateName(Conflict):
    """The name or uuid is taken."""

    code = "innkeeper.duplicate_name"


class InventoryInUse(Conflict):
    """An inventory that has allocations was to be removed."""

    code = "innkeeper.inventory_in_use"


class ProviderInUse(Conflict):
    """A provider that has allocations was to be deleted."""

    code = "innkeeper.provider_in_use"


class CannotDeleteParent(Conflict):
    """A provider that has children was to be deleted."""

    code = "innkeeper.cannot_delete_parent"


class NameInUse(Conflict):
    """A trait or resource class that something uses was to be deleted."""

    code = "innkeeper.name_in_use"


class CapacityExceeded(Conflict):
    """An allocation would take ``used`` past capacity."""

    code = "innkeeper.capacity_exceeded"


class UnitViolation(Conflict):
    """An amount breaks min_unit, max_unit or step_size of its inventory."""

    code = "innkeeper.unit_violation"


class NoInventory(Conflict):
    """The provider has no inventory of the class that was asked of it."""

    code = "innkeeper.no_inventory"


class GroupPolicyViolation(Conflict):
    """A claim would break the (anti-)affinity of its server group."""

    code = "innkeeper.group_policy_violation"


class ClaimLost(Conflict):
    """One claim of several that stand or fall together could not be made.

    ``position`` is its place among them, from 0; ``cause`` is the conflict it met.
    """

    code = "innkeeper.claim_lost"

    def __init__(self, position: int, cause: Conflict) -> None:
        super().__init__(cause.detail)
        self.position = position
        self.cause = cause


class StaleState(Conflict):
    """A compare-and-set on an instance, a task or a lease found it changed."""

    code = "innkeeper.stale_state"


# --- scheduling ------------------------------------------------------------------------


class NoValidHost(InnkeeperError):
    """No host is left after filtering and claiming; ``decision`` says why."""

    code = "innkeeper.no_valid_host"

    def __init__(self, decision: Decision) -> None:
        super().__init__("No valid host was found. " + decision.why())
        self.decision = decision


class CellDown(InnkeeperError):
    """The request needs a cell that is down."""

    code = "innkeeper.cell_down"


class BuildFailed(InnkeeperError):
    """A driver could not build a guest; nothing of it is left on the host."""

    code = "innkeeper.build_failed"


# --- the bus -----------------------------------------------------------------------------


class BusError(InnkeeperError):
    """A message could not be passed."""

    code = "innkeeper.bus_error"


class NoResponders(BusError):
    """Nobody listens on the subject of a request."""

    code = "innkeeper.no_responders"


class RequestTimeout(BusError):
    """No answer came before the deadline; the request may have been carried out or not."""

    code = "innkeeper.request_timeout"


class OutsideCell(InnkeeperError):
    """A part of a cell tried to reach what is not of its cell."""

    code = "innkeeper.outside_cell"


# --- the engine below ------------------------------------------------------------------


class StoreError(InnkeeperError):
    """The store could not do it."""

    code = "innkeeper.store_error"


class Transient(StoreError):
    """A deadlock, a serialization failure or a busy engine: trying again may do."""

    code = "innkeeper.store_transient"


class AmbiguousCommit(StoreError):
    """The connection broke during COMMIT: look before repeating."""

    code = "innkeeper.store_ambiguous_commit"


class Unavailable(StoreError):
    """The store cannot be reached, or is shutting down."""

    code = "innkeeper.store_unavailable"


class ConnectionLost(Unavailable):
    """The connection to the database broke, and did not come back in time."""

    code = "innkeeper.store_connection_lost"


class StoreTaken(Unavailable):
    """Another process writes the store, or has done so since this one last did."""

    code = "innkeeper.store_taken"


class NotEnrolled(StoreError):
    """A writer has no row in ``writers``: it never had, or was taken for dead."""

    code = "innkeeper.store_not_enrolled"


# --- identity ---------------------------------------------------------------------------


class IdentityUnavailable(InnkeeperError):
    """The identity service did not answer, so nobody knows who is asking."""

    code = "innkeeper.identity_unavailable"


# --- starting up -----------------------------------------------------------------------


class SetupError(InnkeeperError):
    """Innkeeper cannot start as it was asked to. One line, exit code 2, no traceback."""

    code = "innkeeper.setup"


class BadTrace(SetupError):
    """A trace file has a bad row; ``detail`` names the file, the row and the column."""

    code = "innkeeper.bad_trace"
