"""Touched: the names of all that a transaction changed. It is the body of a change record."""

from typing import Final

import msgspec

from innkeeper.core.errors import StoreError


class Touched(msgspec.Struct):
    """Names only, never values: whoever reads it reads the named rows anew."""

    providers: set[int] = msgspec.field(default_factory=set)
    """Ids of providers of which anything may have changed."""
    stocks: set[int] = msgspec.field(default_factory=set)
    """Ids of providers of which only inventories, not their classes, and generation changed."""
    generations: set[int] = msgspec.field(default_factory=set)
    """Ids of providers of which only the generation changed."""
    usages: set[int] = msgspec.field(default_factory=set)
    """Ids of providers of which only ``used`` and the generation changed."""
    removed: set[int] = msgspec.field(default_factory=set)
    resource_classes: bool = False
    traits: bool = False
    hosts: set[str] = msgspec.field(default_factory=set)
    groups: set[str] = msgspec.field(default_factory=set)
    workloads: set[str] = msgspec.field(default_factory=set)
    """Hosts whose counts of instances by workload changed."""
    consumers: set[str] = msgspec.field(default_factory=set)
    projects: set[str] = msgspec.field(default_factory=set)
    """Ids of projects that these consumers belong to, or did before."""
    instances: set[str] = msgspec.field(default_factory=set)

    def merge(self, other: "Touched") -> None:
        """Add the names of ``other`` to these."""
        for field in self.__struct_fields__:
            mine, theirs = getattr(self, field), getattr(other, field)
            if isinstance(mine, set):
                mine |= theirs
            else:
                setattr(self, field, mine or theirs)

    def __bool__(self) -> bool:
        """Tell whether anything was touched."""
        return any(getattr(self, field) for field in self.__struct_fields__)


_encoder: Final = msgspec.msgpack.Encoder(order="sorted")
_decoder: Final = msgspec.msgpack.Decoder(Touched)


def encode(touched: Touched) -> bytes:
    """Give the bytes of a change record."""
    return _encoder.encode(touched)


def decode(body: bytes) -> Touched:
    """Read a change record; raise StoreError if it is none."""
    try:
        return _decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise StoreError(f"A change record cannot be read: {error}") from error
