"""New uuids are of version 4, and no two are the same."""

import os
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

from innkeeper.wiring.uuids import AT_ONCE, new_uuid


def test_each_is_new_and_of_version_4() -> None:
    made = {new_uuid() for _ in range(3 * AT_ONCE)}
    assert len(made) == 3 * AT_ONCE
    for text in made:
        uuid = UUID(text)
        assert (str(uuid), uuid.version, uuid.variant) == (text, 4, RFC_4122)


def test_threads_share_none() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: new_uuid(), range(20 * AT_ONCE)))
    assert len(set(made)) == len(made)


def test_a_child_shares_none_with_its_parent() -> None:
    new_uuid()
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.write(theirs, new_uuid().encode())
        os._exit(0)
    os.waitpid(child, 0)
    told = os.read(ours, 36).decode()
    os.close(ours)
    os.close(theirs)
    assert UUID(told).version == 4
    assert told not in {new_uuid() for _ in range(2 * AT_ONCE)}
