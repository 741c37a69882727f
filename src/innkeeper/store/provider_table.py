"""Providers read in columns: one ordered pass for each table, no object for each row.

It serves one provider as well as a million of them, so that there is one way to load an index.
"""

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Connection, Float, Select, String, Table, func, select

from innkeeper.core.picture import NameTable, ProviderTable, StockTable
from innkeeper.store.chunks import MAX_IN_LIST, chunks
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

_Query = TypeVar("_Query", bound=Select[Any])

_PROVIDER: Final = resource_providers.c
_STOCK: Final = inventories.c

_PROVIDERS: Final = {
    "ids": _PROVIDER.id,
    "uuids": _PROVIDER.uuid,
    "names": _PROVIDER.name,
    "generations": _PROVIDER.generation,
    "root_ids": _PROVIDER.root_id,
    "parent_ids": func.coalesce(_PROVIDER.parent_id, 0),
    "created_us": _PROVIDER.created_at,
    "updated_us": _PROVIDER.updated_at,
}
_INVENTORIES: Final = {
    "rp_ids": _STOCK.rp_id,
    "classes": _STOCK.rc_id,
    "total": _STOCK.total,
    "reserved": _STOCK.reserved,
    "min_unit": _STOCK.min_unit,
    "max_unit": _STOCK.max_unit,
    "step_size": _STOCK.step_size,
    "allocation_ratio": _STOCK.allocation_ratio,
    "capacity": _STOCK.capacity,
    "used": _STOCK.used,
}
_TRAITS: Final = {"rp_ids": provider_traits.c.rp_id, "numbers": provider_traits.c.trait_id}
_AGGREGATES: Final = {
    "rp_ids": provider_aggregates.c.rp_id,
    "names": provider_aggregates.c.aggregate_uuid,
}


def provider_table(conn: Connection, ids: Collection[int] | None) -> ProviderTable:
    """Give the providers with these ids (None: all)."""
    stock = _columns(conn, _INVENTORIES, ids)
    having = _columns(conn, _TRAITS, ids)
    name_of = _names(conn, traits, having["numbers"])
    return ProviderTable(
        **_columns(conn, _PROVIDERS, ids),
        stock=StockTable(**stock, names=_names(conn, resource_classes, stock["classes"])),
        traits=NameTable(having["rp_ids"], [name_of[each] for each in having["numbers"]]),
        aggregates=NameTable(**_columns(conn, _AGGREGATES, ids)),
    )


def _columns(
    conn: Connection, wanted: Mapping[str, ColumnElement[Any]], ids: Collection[int] | None
) -> dict[str, Any]:
    """Give columns of a table, of the providers with these ids; they are ordered by the first two.

    The first is the id of a provider. The values are as the driver gives them.
    """
    of, then, *_ = wanted.values()
    query = select(*wanted.values()).order_by(of, then)
    columns = {name: _empty(column) for name, column in wanted.items()}
    for chunk in (None,) if ids is None else chunks(sorted(ids)):
        with conn.execute(within(query, of, chunk)) as result:
            for rows in _pages(result.cursor):
                for column, values in zip(columns.values(), zip(*rows, strict=True), strict=True):
                    column.extend(values)
    return columns


def _empty(column: ColumnElement[Any]) -> "array[int] | array[float] | list[str]":
    """Give what a column's values go to: eight bytes for a number."""
    if isinstance(column.type, String):
        return []
    return array("d" if isinstance(column.type, Float) else "q")


def _pages(cursor: Any) -> Iterator[Sequence[tuple[object, ...]]]:  # noqa: ANN401 - a driver's
    while rows := cursor.fetchmany(ROWS_AT_ONCE):
        yield rows


def _names(conn: Connection, table: Table, numbers: Iterable[int]) -> dict[int, str]:
    """Give the names with some of the numbers that a table gives them, or more."""
    wanted = sorted(set(numbers))
    if not wanted:
        return {}
    query = select(table.c.id, table.c.name)
    few = wanted if len(wanted) <= MAX_IN_LIST else None
    return {row.id: row.name for row in conn.execute(within(query, table.c.id, few))}


def within(query: _Query, column: ColumnElement[Any], chunk: Sequence[object] | None) -> _Query:
    """Give a query of the rows alone whose ``column`` is in the chunk (None: of all rows)."""
    return query if chunk is None else query.where(column.in_(chunk))
