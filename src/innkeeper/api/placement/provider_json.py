"""Resource providers as bodies have them, written straight as text.

A list may name every provider of a cloud, and most of what it says is the same of each.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

import msgspec

from innkeeper.api.placement.versions import VERSIONS, Version
from innkeeper.placement.providers import ProviderView

TREES_SINCE: Final[Version] = (1, 14)

_MOUNTS: Final = 2
"""Where the API is found: on the port of all APIs, and at the root of a port of its own."""
_HOLE: Final = "\0"
"""Where a uuid is to be put: JSON has this character nowhere."""

_LINKS: Final[tuple[tuple[Version, str], ...]] = (
    ((1, 0), "inventories"),
    ((1, 0), "usages"),
    ((1, 1), "aggregates"),
    ((1, 6), "traits"),
    ((1, 11), "allocations"),
)


def encoded_provider(root_path: str, version: Version, view: ProviderView) -> bytes:
    """Give one provider."""
    return _writer(root_path, version)(view).encode()


def encoded_providers(root_path: str, version: Version, views: Iterable[ProviderView]) -> bytes:
    """Give the answer that lists providers."""
    listed = ",".join(map(_writer(root_path, version), views))
    return f'{{"resource_providers":[{listed}]}}'.encode()


@lru_cache(maxsize=_MOUNTS * len(VERSIONS))
def _writer(root_path: str, version: Version) -> Callable[[ProviderView], str]:
    """Give what writes a provider as one version has it, with links below one mount."""
    links = _links(f"{root_path}/resource_providers/{_HOLE}", version)
    encode = msgspec.json.encode

    def write(view: ProviderView) -> str:
        provider = view.provider
        uuid = provider.uuid
        written = (
            f'{{"uuid":"{uuid}","name":{encode(provider.name).decode()},'
            f'"generation":{provider.generation},"links":{links.replace(_HOLE, uuid)}'
        )
        if version < TREES_SINCE:
            return written + "}"
        parent = "null" if view.parent_uuid is None else f'"{view.parent_uuid}"'
        return (
            f'{written},"parent_provider_uuid":{parent},"root_provider_uuid":"{view.root_uuid}"}}'
        )

    return write


def _links(path: str, version: Version) -> str:
    links = [{"rel": "self", "href": path}]
    links += [{"rel": rel, "href": f"{path}/{rel}"} for since, rel in _LINKS if version >= since]
    # As the hole is no character of JSON, it is written as an escape.
    return msgspec.json.encode(links).decode().replace("\\u0000", _HOLE)
