"""Providers read in columns: one ordered pass for each table, no object for each row.

It serves one provider as well as a million of them, so that there is one way to load an index.
"""

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Float, String, Table, func, select

from innkeeper.core.picture import NameTable, ProviderTable, StockTable
from innkeeper.store.for_each import ForEach, Values
from innkeeper.store.prepared import integer
from innkeeper.store.tables import (
    inventories,
    provider_aggregates,
    provider_traits,
    resource_classes,
    resource_providers,
    traits,
)

ROWS_AT_ONCE: Final = 10_000
"""Rows that the driver hands over together: more are no quicker, and each is an object once."""

_PROVIDER: Final = resource_providers.c
_STOCK: Final = inventories.c


class _Pass:
    """A pass over one table, of which the first column is the id of a provider."""

    def __init__(self, **columns: ColumnElement[Any]) -> None:
        """Read ``columns``, as the driver gives them, in the order of the first two."""
        of, then, *_ = columns.values()
        every = select(*columns.values()).order_by(of, then)
        self._columns = columns
        self._every = every
        self._of_some = ForEach(lambda row: every.where(of == row["of"]), of=int)

    def ask(self, conn: Connection, ids: Collection[int] | None) -> Callable[[], dict[str, Any]]:
        """Ask for the columns of the providers with these ids (None: of all); give what waits."""
        if ids is None:
            return lambda: self._columns_of(self._pages(conn))
        sent = self._of_some.send(conn, _each(ids))
        return lambda: self._columns_of(filter(None, [sent.rows()]))

    def _pages(self, conn: Connection) -> Iterator[Sequence[Values]]:
        with conn.execute(self._every) as result:
            while rows := result.cursor.fetchmany(ROWS_AT_ONCE):
                yield rows

    def _columns_of(self, pages: Iterable[Sequence[Values]]) -> dict[str, Any]:
        columns = {name: _empty(column) for name, column in self._columns.items()}
        for rows in pages:
            for column, values in zip(columns.values(), zip(*rows, strict=True), strict=True):
                column.extend(values)
        return columns


_PROVIDERS: Final = _Pass(
    ids=_PROVIDER.id,
    uuids=_PROVIDER.uuid,
    names=_PROVIDER.name,
    generations=_PROVIDER.generation,
    root_ids=_PROVIDER.root_id,
    parent_ids=func.coalesce(_PROVIDER.parent_id, 0),
    updated_us=_PROVIDER.updated_at,
)
_INVENTORIES: Final = _Pass(
    rp_ids=_STOCK.rp_id,
    classes=_STOCK.rc_id,
    total=_STOCK.total,
    reserved=_STOCK.reserved,
    min_unit=_STOCK.min_unit,
    max_unit=_STOCK.max_unit,
    step_size=_STOCK.step_size,
    allocation_ratio=_STOCK.allocation_ratio,
    capacity=_STOCK.capacity,
    used=_STOCK.used,
)
_TRAITS: Final = _Pass(rp_ids=provider_traits.c.rp_id, numbers=provider_traits.c.trait_id)
_AGGREGATES: Final = _Pass(
    rp_ids=provider_aggregates.c.rp_id, names=provider_aggregates.c.aggregate_uuid
)
_NAME_OF: Final = {
    table: ForEach(
        lambda row, c=table.c: select(c.id, c.name).where(c.id == row["of"]),  # type: ignore[misc]
        of=int,
    )
    for table in (resource_classes, traits)
}


def provider_table(conn: Connection, ids: Collection[int] | None) -> ProviderTable:
    """Give the providers with these ids (None: all)."""
    # All are asked before any is waited for: where that is a trip, it is one.
    asked = [table.ask(conn, ids) for table in (_PROVIDERS, _INVENTORIES, _TRAITS, _AGGREGATES)]
    found, stock, having, aggregates = (wait() for wait in asked)
    class_names = _ask_names(conn, resource_classes, stock["classes"])
    trait_names = _ask_names(conn, traits, having["numbers"])
    name_of = trait_names()
    return ProviderTable(
        **found,
        stock=StockTable(**stock, names=class_names()),
        traits=NameTable(having["rp_ids"], [name_of[each] for each in having["numbers"]]),
        aggregates=NameTable(**aggregates),
    )


def _each(ids: Iterable[int]) -> list[Values]:
    return [(each,) for each in sorted(ids)]


def _empty(column: ColumnElement[Any]) -> "array[int] | array[float] | list[str]":
    """Give what a column's values go to: eight bytes for a number."""
    if isinstance(column.type, String):
        return []
    return array("d" if isinstance(column.type, Float) else "q")


def _ask_names(
    conn: Connection, table: Table, numbers: Iterable[int]
) -> Callable[[], dict[int, str]]:
    """Ask for the names with some of the numbers that a table gives them; give what waits."""
    sent = _NAME_OF[table].send(conn, _each(set(numbers)))
    return lambda: {integer(number): str(name) for number, name in sent.rows()}
