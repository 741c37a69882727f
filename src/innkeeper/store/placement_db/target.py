"""Target: an empty database that openstack-placement will start on.

All is written in one transaction, so that an export which is killed leaves it empty.
"""

from collections.abc import Callable
from typing import Final

from innkeeper.store.placement_db import fill_theirs
from innkeeper.store.placement_db.comparing import in_chunks
from innkeeper.store.placement_db.fill_ours import HOLDERS_A_CHUNK, PROVIDERS_A_CHUNK, Place
from innkeeper.store.placement_db.forest import grow
from innkeeper.store.placement_db.opening import placement_url, shown, writing
from innkeeper.store.placement_db.ours import Ours
from innkeeper.store.placement_db.records import NameKind

_KINDS: Final[tuple[NameKind, ...]] = ("resource_classes", "traits", "consumer_types")


def fill(url: str, ours: Ours, *, progress: Callable[[str, int, int], None]) -> str:
    """Write all of ``ours`` into the empty database at ``url``; give its name for people.

    Raises SetupError, saying what to do, if it cannot be reached or is not empty.
    """
    place = placement_url(url)
    with writing(place) as conn, conn.begin():
        fill_theirs.make_ready(conn, place)
        names = fill_theirs.TheirNames(conn)
        names.add_names({kind: ours.names(kind) for kind in _KINDS})
        forest, counts = grow(ours.parents()), ours.counts()
        places: dict[int, Place] = {}
        for level in forest.levels:
            for ids in in_chunks(level, PROVIDERS_A_CHUNK):
                parents = {
                    one: None if (parent := forest.parents[one]) is None else places[parent]
                    for one in ids
                }
                records = ours.providers(ids)
                places.update(fill_theirs.add_providers(conn, names, records, parents))
                progress("resource providers", len(places), counts["resource providers"])
        done = 0
        for holders in in_chunks(ours.holders(), HOLDERS_A_CHUNK):
            fill_theirs.add_holders(conn, names, holders, places)
            done += sum(len(holder.amounts) for holder in holders)
            progress("allocations", done, counts["allocations"])
    return shown(place)
