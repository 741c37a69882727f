"""openstacksdk's proxy of the Placement API, every method of it, against a live server.

Run by run.py in the environment of the peers.
"""

import os
import unittest
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import openstack
from openstack import exceptions
from openstack.placement.v1 import _proxy

HOST = "aaaaaaaa-0000-4000-8000-000000000001"
CHILD = "aaaaaaaa-0000-4000-8000-000000000002"
RACK = "cccccccc-0000-4000-8000-000000000001"
SERVER = "bbbbbbbb-0000-4000-8000-000000000001"
OTHER = "bbbbbbbb-0000-4000-8000-000000000002"
VCPU = "VCPU"

# They poll any resource for a status; no resource of Placement has one.
NOT_PLACEMENT = {"wait_for_status", "wait_for_delete"}
# Says itself that another is to be used instead, and calls that one.
DEPRECATED = {"get_resource_provider_aggregates"}


class Watched:
    """The proxy, which remembers which of its methods were called."""

    def __init__(self, proxy: _proxy.Proxy) -> None:
        self._proxy = proxy
        self.called: set[str] = set()

    def __getattr__(self, name: str) -> object:
        self.called.add(name)
        return getattr(self._proxy, name)


def claim(generation: int | None, **amounts: int) -> dict[str, object]:
    return {
        "allocations": {HOST: {"resources": amounts}} if amounts else {},
        "project_id": "project",
        "user_id": "user",
        "consumer_generation": generation,
        "consumer_type": "INSTANCE",
    }


class EveryMethod(unittest.TestCase):
    """One story, told with all methods."""

    def setUp(self) -> None:
        warnings.simplefilter("ignore")
        # The catalog of a cloud would say this; alone, the endpoint is given.
        cloud = openstack.connect(auth_type="none", endpoint=os.environ["PLACEMENT_URL"])
        self.placement = Watched(cloud.placement)

    def test_every_method(self) -> None:
        self.versions()
        self.names()
        self.providers()
        self.inventories()
        self.descriptions()
        self.claims()
        self.several_claims()
        self.removal()
        of_proxy = {name for name, each in vars(_proxy.Proxy).items() if callable(each)}
        public = {name for name in of_proxy if not name.startswith("_")}
        assert len(public) >= 37, public
        assert public - NOT_PLACEMENT - DEPRECATED - self.placement.called == set()

    @contextmanager
    def conflict(self, words: str) -> Iterator[None]:
        """Expect a 409; its words are in the answer, the SDK's own message has none of them."""
        with self.assertRaises(exceptions.ConflictException) as caught:
            yield
        assert words in caught.exception.response.text

    def versions(self) -> None:
        found = self.placement.get_endpoint_data()
        assert (found.min_microversion, found.max_microversion) == ((1, 0), (1, 39))

    def names(self) -> None:
        sdk = self.placement
        assert sdk.create_resource_class(name="CUSTOM_SEAT").name == "CUSTOM_SEAT"
        assert sdk.get_resource_class("CUSTOM_SEAT").name == "CUSTOM_SEAT"
        sdk.update_resource_class("CUSTOM_SEAT", name="CUSTOM_CHAIR")
        listed = [each.name for each in sdk.resource_classes()]
        assert "CUSTOM_CHAIR" in listed
        assert "CUSTOM_SEAT" not in listed
        sdk.delete_resource_class("CUSTOM_CHAIR", ignore_missing=False)
        with self.assertRaises(exceptions.NotFoundException):
            sdk.get_resource_class("CUSTOM_CHAIR")
        assert sdk.create_trait("CUSTOM_FAST").name == "CUSTOM_FAST"
        assert sdk.get_trait("CUSTOM_FAST").id == "CUSTOM_FAST"
        assert [each.name for each in sdk.traits(name="startswith:CUSTOM_")] == ["CUSTOM_FAST"]

    def providers(self) -> None:
        sdk = self.placement
        host = sdk.create_resource_provider(id=HOST, name="host")
        assert (host.id, host.generation, host.parent_provider_id) == (HOST, 0, None)
        child = sdk.create_resource_provider(id=CHILD, name="gpu", parent_provider_id=HOST)
        assert (child.parent_provider_id, child.root_provider_id) == (HOST, HOST)
        assert sdk.update_resource_provider(child, name="gpu0").name == "gpu0"
        assert sdk.get_resource_provider(CHILD).name == "gpu0"
        assert sdk.find_resource_provider("gpu0").id == CHILD
        assert sdk.find_resource_provider("gpu1") is None
        assert {each.id for each in sdk.resource_providers(in_tree=CHILD)} == {HOST, CHILD}
        with self.conflict("already exists"):
            sdk.create_resource_provider(name="host")

    def inventories(self) -> None:
        sdk = self.placement
        made = sdk.create_resource_provider_inventory(HOST, VCPU, total=8)
        assert (made.total, made.max_unit, made.resource_provider_generation) == (8, 2147483647, 1)
        more = sdk.update_resource_provider_inventory(
            VCPU, HOST, resource_provider_generation=1, total=16, allocation_ratio=2.0
        )
        assert (more.total, more.allocation_ratio) == (16, 2.0)
        with self.conflict("generation"):
            sdk.update_resource_provider_inventory(
                VCPU, HOST, resource_provider_generation=1, total=17
            )
        assert sdk.get_resource_provider_inventory(VCPU, HOST).total == 16
        changed = sdk.set_resource_provider_inventories(
            HOST,
            {VCPU: {"total": 4}, "DISK_GB": {"total": 100, "reserved": 10}},
            resource_provider_generation=2,
        )
        assert changed.generation == 3
        sdk.delete_resource_provider_inventory("DISK_GB", HOST, ignore_missing=False)
        left = list(sdk.resource_provider_inventories(HOST))
        assert [(each.resource_class, each.total) for each in left] == [(VCPU, 4)]
        sdk.create_resource_provider_inventory(CHILD, "PGPU", total=1)
        sdk.delete_resource_provider_inventories(CHILD)
        assert list(sdk.resource_provider_inventories(CHILD)) == []

    def descriptions(self) -> None:
        sdk = self.placement
        host = sdk.set_resource_provider_aggregates(sdk.get_resource_provider(HOST), RACK)
        assert host.aggregates == [RACK]
        assert sdk.fetch_resource_provider_aggregates(HOST).aggregates == [RACK]
        traits = sdk.get_resource_provider_trait(HOST)
        assert traits.traits == []
        assert sdk.set_resource_provider_trait(traits, traits=["CUSTOM_FAST"]).traits == [
            "CUSTOM_FAST"
        ]
        assert [each.name for each in sdk.traits(associated="true")] == ["CUSTOM_FAST"]

    def claims(self) -> None:
        sdk = self.placement
        asked = {"resources": "VCPU:2", "required": "CUSTOM_FAST", "member_of": RACK, "limit": 5}
        (found,) = sdk.allocation_candidates(**asked)
        assert found.allocations == {HOST: {"resources": {VCPU: 2}}}
        assert found.mappings == {"": [HOST]}
        assert found.provider_summaries[HOST]["resources"] == {VCPU: {"capacity": 4, "used": 0}}
        sdk.update_allocation(SERVER, **{**claim(None), "allocations": found.allocations})
        mine = sdk.get_allocation(SERVER)
        assert (mine.consumer_generation, mine.consumer_type) == (1, "INSTANCE")
        assert mine.allocations[HOST]["resources"] == {VCPU: 2}
        (held,) = sdk.resource_provider_allocations(HOST)
        assert (held.consumer_id, held.resources) == (SERVER, {VCPU: 2})
        assert sdk.fetch_resource_provider_usages(HOST).usages == {VCPU: 2}
        (usage,) = sdk.usages("project", user_id="user", consumer_type="INSTANCE")
        assert (usage.consumer_type, usage.consumer_count) == ("INSTANCE", 1)
        assert usage.resources == {VCPU: 2}

    def several_claims(self) -> None:
        sdk = self.placement
        with self.conflict("Unable to allocate inventory"):
            sdk.create_allocations({OTHER: claim(None, VCPU=3)})
        # What one consumer gives up another takes.
        sdk.create_allocations({SERVER: claim(1), OTHER: claim(None, VCPU=4)})
        assert sdk.get_allocation(SERVER).allocations == {}
        assert sdk.fetch_resource_provider_usages(HOST).usages == {VCPU: 4}
        with self.conflict("in use"):
            sdk.delete_resource_provider_inventories(HOST)
        sdk.delete_allocation(OTHER, ignore_missing=False)
        with self.assertRaises(exceptions.NotFoundException):
            sdk.delete_allocation(OTHER, ignore_missing=False)

    def removal(self) -> None:
        sdk = self.placement
        with self.conflict("child resource providers"):
            sdk.delete_resource_provider(HOST)
        sdk.delete_resource_provider_trait(HOST)
        sdk.delete_resource_provider(CHILD, ignore_missing=False)
        sdk.delete_resource_provider(HOST, ignore_missing=False)
        sdk.delete_trait("CUSTOM_FAST", ignore_missing=False)
        assert list(sdk.resource_providers()) == []
