"""Nova's report client, configured as in a nova.conf, every method of it, against a live server.

Run by run.py in the environment of the peers; NOVA_CONF_... are the files that users are told to
write.
"""

import logging
import os
import tempfile
import unittest
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

# First: Nova's commands set up threading, and refuse to come late.
from nova.cmd import status

# isort: split
import requests
from keystoneauth1 import loading
from nova import conf, context, exception, objects
from nova.scheduler import utils
from nova.scheduler.client import report
from oslo_upgradecheck import upgradecheck

# Nova's objects have names only once this is done.
objects.register_all()

CONF = conf.CONF
HOST = "aaaaaaaa-0000-4000-8000-000000000001"
OTHER_HOST = "aaaaaaaa-0000-4000-8000-000000000002"
NUMA = [f"aaaaaaaa-0000-4000-8000-00000000001{number}" for number in range(2)]
GPU = [f"aaaaaaaa-0000-4000-8000-00000000002{number}" for number in range(2)]
DISK = "aaaaaaaa-0000-4000-8000-000000000030"
RACK = "cccccccc-0000-4000-8000-000000000001"
POOL = "cccccccc-0000-4000-8000-000000000002"
SERVER = "bbbbbbbb-0000-4000-8000-000000000001"
MIGRATION = "bbbbbbbb-0000-4000-8000-000000000002"
PROJECT = "dddddddd-0000-4000-8000-000000000001"
USER = "eeeeeeee-0000-4000-8000-000000000001"
SHARES = "MISC_SHARES_VIA_AGGREGATE"
TIMEOUT_S = 60

# Servers of which the first find room on one host, and how many clients claim for them at once.
FITTING, TOO_MANY, RIVALS = 20, 5, 8

# They send one request each; all others are made of them.
VERBS = {"get", "put", "post", "delete"}


def configure(nova_conf: str) -> None:
    """Have Nova read this as its nova.conf."""
    CONF.clear()
    for plugin in ("none", "admin_token", "http_basic"):
        CONF.unregister_opts(loading.get_auth_plugin_conf_options(plugin), group="placement")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nova.conf"
        path.write_text(nova_conf, encoding="utf-8")
        CONF(["--config-file", str(path)], project="nova", default_config_dirs=[])


def inventory(total: int, **fields: float) -> dict[str, float]:
    usual = {"reserved": 0, "min_unit": 1, "max_unit": total, "step_size": 1}
    return {"total": total, "allocation_ratio": 1.0, **usual, **fields}


def plain(method: str, path: str, body: object = None) -> requests.Response:
    """Ask the server without Nova: what its client says is compared with this."""
    return requests.request(
        method,
        os.environ["PLACEMENT_URL"] + path,
        json=body,
        headers={"openstack-api-version": "placement 1.39"},
        timeout=TIMEOUT_S,
    )


def held(consumer: str) -> dict[str, dict[str, int]]:
    """Give what a consumer has, by provider."""
    found = plain("GET", f"/allocations/{consumer}").json()["allocations"]
    return {uuid: each["resources"] for uuid, each in found.items()}


def flavor(extra_specs: dict[str, str] | None = None, **amounts: int) -> objects.Flavor:
    usual = {"vcpus": 2, "memory_mb": 512, "root_gb": 10, "ephemeral_gb": 0, "swap": 0}
    return objects.Flavor(**{**usual, **amounts}, extra_specs=extra_specs or {})


class Complaints(logging.Handler):
    """Keeps what Nova logs as a warning or worse."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


class Watched:
    """The report client, which remembers which of its methods were called."""

    def __init__(self, client: report.SchedulerReportClient) -> None:
        self._client = client
        self.called: set[str] = set()

    def __getattr__(self, name: str) -> object:
        self.called.add(name)
        return getattr(self._client, name)


class NovaTest(unittest.TestCase):
    """Gives a client, and fails at the end if Nova complained of what it was not told to expect."""

    def setUp(self) -> None:
        self.complaints = Complaints()
        logger = logging.getLogger("nova")
        logger.addHandler(self.complaints)
        self.addCleanup(logger.removeHandler, self.complaints)
        self.context = context.RequestContext(USER, PROJECT, is_admin=True)

    def tearDown(self) -> None:
        assert not self.complaints.said, self.complaints.said

    def expect_complaint(self, words: str) -> None:
        """Take one complaint back that has these words."""
        found = [line for line in self.complaints.said if words in line]
        assert found, self.complaints.said
        self.complaints.said.remove(found[0])


class Configurations(NovaTest):
    """What [placement] in a nova.conf may say, where nobody asks for a password."""

    def check(self, nova_conf: str) -> None:
        configure(nova_conf)
        client = report.SchedulerReportClient()
        assert client.get("/resource_classes", version="1.2").status_code == requests.codes.ok
        # What `nova-status upgrade check` has to say of Placement.
        assert status.UpgradeCommands()._check_placement().code == upgradecheck.Code.SUCCESS

    def test_none(self) -> None:
        self.check(os.environ["NOVA_CONF_NONE"])

    def test_admin_token(self) -> None:
        self.check(os.environ["NOVA_CONF_ADMIN_TOKEN"])

    def test_the_singleton(self) -> None:
        configure(os.environ["NOVA_CONF_NONE"])
        client = report.report_client_singleton()
        self.addCleanup(setattr, report, "PLACEMENTCLIENT", None)
        assert client.get_provider_by_name is not None
        assert client.get("/").json()["versions"][0]["max_version"] == "1.39"


class EveryMethod(NovaTest):
    """One story: a compute host with NUMA cells and GPUs, shared storage, a server that moves."""

    def setUp(self) -> None:
        super().setUp()
        configure(os.environ["NOVA_CONF_NONE"])
        self.client = Watched(report.SchedulerReportClient())

    def test_every_method(self) -> None:
        self.host_appears()
        self.tree_is_reported()
        self.storage_is_shared()
        self.stale_report_is_refused()
        self.server_is_placed()
        self.server_grows_and_shrinks()
        self.server_moves()
        self.quota_is_counted()
        self.tree_is_reshaped()
        self.aggregates_follow_nova()
        self.caches()
        self.server_goes()
        self.host_goes()
        kind = report.SchedulerReportClient
        public = {n for n, each in vars(kind).items() if callable(each) and not n.startswith("_")}
        assert len(public) >= 30, public
        assert public - VERBS - self.client.called == set()

    def tree(self) -> object:
        return self.client.get_provider_tree_and_ensure_root(self.context, HOST, name="host1")

    def host_appears(self) -> None:
        assert self.client.get_providers_in_tree(self.context, HOST) == []
        assert self.tree().get_provider_uuids() == [HOST]
        found = plain("GET", f"/resource_providers/{HOST}").json()
        assert (found["name"], found["generation"]) == ("host1", 0)
        assert self.client.get_resource_provider_name(self.context, HOST) == "host1"
        assert self.client.get_provider_by_name(self.context, "host1")["uuid"] == HOST
        with self.assertRaises(exception.ResourceProviderNotFound):
            self.client.get_provider_by_name(self.context, "host2")

    def tree_is_reported(self) -> None:
        tree = self.tree()
        tree.update_inventory(HOST, {"MEMORY_MB": inventory(4096, reserved=512)})
        tree.update_traits(HOST, ["COMPUTE_NODE", "CUSTOM_RACK_1"])
        tree.update_aggregates(HOST, [RACK])
        for number, (numa, gpu) in enumerate(zip(NUMA, GPU, strict=True)):
            tree.new_child(f"numa{number}", HOST, uuid=numa)
            tree.update_inventory(numa, {"VCPU": inventory(8, allocation_ratio=2.0)})
            tree.update_traits(numa, ["HW_NUMA_ROOT"])
            tree.new_child(f"gpu{number}", numa, uuid=gpu)
            tree.update_inventory(gpu, {"PGPU": inventory(1), "CUSTOM_GPU_MB": inventory(1000)})
            tree.update_traits(gpu, [f"CUSTOM_MODEL_{number}"])
        self.client.update_from_provider_tree(self.context, tree)
        found = plain("GET", f"/resource_providers?in_tree={HOST}").json()["resource_providers"]
        parents = {each["uuid"]: each["parent_provider_uuid"] for each in found}
        assert parents == {
            HOST: None,
            **dict.fromkeys(NUMA, HOST),
            **dict(zip(GPU, NUMA, strict=True)),
        }
        stock = plain("GET", f"/resource_providers/{GPU[1]}/inventories").json()["inventories"]
        assert stock == {"PGPU": inventory(1), "CUSTOM_GPU_MB": inventory(1000)}
        assert plain("GET", f"/resource_providers/{HOST}/aggregates").json()["aggregates"] == [RACK]
        traits = self.client.get_provider_traits(self.context, HOST)
        assert traits.traits == {"COMPUTE_NODE", "CUSTOM_RACK_1"}
        # Reporting the same again changes nothing.
        before = plain("GET", f"/resource_providers/{HOST}").json()["generation"]
        self.client.update_from_provider_tree(self.context, self.tree())
        assert plain("GET", f"/resource_providers/{HOST}").json()["generation"] == before
        part = self.client.get_provider_subtree_and_ensure_root(self.context, HOST, name="host1")
        assert set(part.get_provider_uuids()) == {HOST, *NUMA, *GPU}

    def storage_is_shared(self) -> None:
        body = {"name": "storage", "uuid": DISK}
        assert plain("POST", "/resource_providers", body).status_code == requests.codes.ok
        self.client.clear_provider_cache()
        self.client.get_provider_tree_and_ensure_root(self.context, DISK, name="storage")
        self.client.set_inventory_for_provider(self.context, DISK, {"DISK_GB": inventory(1000)})
        self.client.set_traits_for_provider(self.context, DISK, [SHARES])
        self.client.set_aggregates_for_provider(self.context, DISK, [RACK])
        self.client.clear_provider_cache()
        # The storage comes with the host, since they share an aggregate.
        assert set(self.tree().get_provider_uuids()) == {HOST, DISK, *NUMA, *GPU}

    def stale_report_is_refused(self) -> None:
        tree = self.tree()
        path = f"/resource_providers/{HOST}/inventories"
        behind = plain("GET", path).json()
        behind["inventories"]["MEMORY_MB"]["reserved"] = 256
        assert plain("PUT", path, behind).status_code == requests.codes.ok
        changed = {"MEMORY_MB": inventory(4096, reserved=1024)}
        tree.update_inventory(HOST, changed)
        with self.assertRaises(exception.ResourceProviderUpdateConflict):
            self.client.update_from_provider_tree(self.context, tree)
        self.expect_complaint("placement.concurrent_update")
        tree = self.tree()
        tree.update_inventory(HOST, changed)
        self.client.update_from_provider_tree(self.context, tree)
        assert plain("GET", path).json()["inventories"] == changed

    def candidates(self, **extra_specs: str) -> list[dict[str, object]]:
        spec = objects.RequestSpec(flavor=flavor(extra_specs), is_bfv=False)
        wanted = utils.ResourceRequest.from_request_spec(spec)
        wanted._same_subtree = [["_numa", "_gpu"]] if "resources_gpu:PGPU" in extra_specs else []
        found, summaries, version = self.client.get_allocation_candidates(self.context, wanted)
        assert version == "1.36"
        assert set(summaries) == {HOST, DISK, *NUMA, *GPU} or not found
        return found

    def server_is_placed(self) -> None:
        found = self.candidates(**{"trait:CUSTOM_RACK_1": "required"})
        at_cells = [set(each["allocations"]) for each in found]
        assert sorted(map(sorted, at_cells)) == [sorted({HOST, DISK, numa}) for numa in NUMA]
        assert self.candidates(**{"trait:CUSTOM_RACK_1": "forbidden"}) == []
        near = {
            "resources:VCPU": "0",
            "resources_numa:VCPU": "2",
            "resources_gpu:PGPU": "1",
            "resources_gpu:CUSTOM_GPU_MB": "400",
            "trait_gpu:CUSTOM_MODEL_1": "required",
            "group_policy": "isolate",
        }
        (only,) = self.candidates(**near)
        assert only["mappings"]["_numa"] == [NUMA[1]]
        assert only["mappings"]["_gpu"] == [GPU[1]]
        claimed = self.client.claim_resources(
            self.context, SERVER, only, PROJECT, USER, "1.36", consumer_generation=None
        )
        assert claimed is True
        assert held(SERVER) == {
            HOST: {"MEMORY_MB": 512},
            DISK: {"DISK_GB": 10},
            NUMA[1]: {"VCPU": 2},
            GPU[1]: {"PGPU": 1, "CUSTOM_GPU_MB": 400},
        }
        assert self.candidates(**near) == []
        mine = self.client.get_allocs_for_consumer(self.context, SERVER)
        assert (mine["consumer_generation"], mine["project_id"]) == (1, PROJECT)
        alone = self.client.get_allocations_for_consumer(self.context, SERVER)
        assert {uuid: each["resources"] for uuid, each in alone.items()} == held(SERVER)
        on_gpu = self.client.get_allocations_for_resource_provider(self.context, GPU[1])
        assert set(on_gpu.allocations) == {SERVER}
        in_tree = self.client.get_allocations_for_provider_tree(self.context, "host1")
        assert set(in_tree) == {SERVER}
        # Another server finds the device taken.
        refused = self.client.claim_resources(
            self.context, MIGRATION, only, PROJECT, USER, "1.36", consumer_generation=None
        )
        assert refused is False
        self.expect_complaint("Unable to allocate inventory")
        assert held(MIGRATION) == {}

    def server_grows_and_shrinks(self) -> None:
        more = {GPU[0]: {"resources": {"PGPU": 1}}, NUMA[1]: {"resources": {"VCPU": 2}}}
        self.client.add_resources_to_instance_allocation(self.context, SERVER, more)
        assert held(SERVER)[GPU[0]] == {"PGPU": 1}
        assert held(SERVER)[NUMA[1]] == {"VCPU": 4}
        with self.assertRaises(exception.AllocationUpdateFailed):
            self.client.add_resources_to_instance_allocation(self.context, SERVER, more)
        self.expect_complaint("Unable to allocate inventory")
        self.client.remove_resources_from_instance_allocation(self.context, SERVER, more)
        assert GPU[0] not in held(SERVER)
        with self.assertRaises(exception.AllocationUpdateFailed):
            self.client.remove_resources_from_instance_allocation(self.context, SERVER, more)
        stale = {**self.client.get_allocs_for_consumer(self.context, SERVER)}
        stale["consumer_generation"] -= 1
        with self.assertRaisesRegex(
            exception.AllocationUpdateFailed, "consumer generation conflict"
        ):
            self.client.put_allocations(self.context, SERVER, stale)
        self.expect_complaint("consumer generation conflict")

    def server_moves(self) -> None:
        before = held(SERVER)
        assert self.client.move_allocations(self.context, SERVER, MIGRATION) is True
        assert (held(SERVER), held(MIGRATION)) == ({}, before)
        # It is told so again, and knows that it is done.
        assert self.client.move_allocations(self.context, SERVER, MIGRATION) is True
        there = {"allocations": {NUMA[0]: {"resources": {"VCPU": 2}}}}
        assert self.client.claim_resources(self.context, SERVER, there, PROJECT, USER, "1.36")
        assert held(SERVER) == {NUMA[0]: {"VCPU": 2}}
        # The move is taken back.
        assert self.client.move_allocations(self.context, MIGRATION, SERVER) is True
        assert (held(SERVER), held(MIGRATION)) == (before, {})
        stale = {"allocations": {}, "project_id": PROJECT, "user_id": USER}
        mine = self.client.get_allocs_for_consumer(self.context, SERVER)
        behind = [{**mine, "consumer_generation": 1}, stale]
        with (
            mock.patch.object(self.client._client, "get_allocs_for_consumer", side_effect=behind),
            self.assertRaisesRegex(exception.AllocationMoveFailed, "consumer generation conflict"),
        ):
            self.client.move_allocations(self.context, SERVER, MIGRATION)
        assert (held(SERVER), held(MIGRATION)) == (before, {})

    def quota_is_counted(self) -> None:
        expected = {"VCPU": 2, "MEMORY_MB": 512, "DISK_GB": 10, "PGPU": 1, "CUSTOM_GPU_MB": 400}
        counted = self.client.get_usages_counts_for_limits(self.context, PROJECT)
        assert counted == expected
        both = self.client.get_usages_counts_for_quota(self.context, PROJECT, user_id=USER)
        mine = {"cores": 2, "ram": 512}
        assert both == {"project": mine, "user": mine}
        nobody = self.client.get_usages_counts_for_quota(self.context, PROJECT, user_id=PROJECT)
        assert nobody["user"] == {"cores": 0, "ram": 0}

    def tree_is_reshaped(self) -> None:
        """The GPUs' memory moves up to the NUMA cells, and with it what is allocated of it."""
        self.client.clear_provider_cache()
        tree = self.tree()
        allocations = self.client.get_allocations_for_provider_tree(self.context, "host1")
        for numa, gpu in zip(NUMA, GPU, strict=True):
            memory = tree.data(gpu).inventory["CUSTOM_GPU_MB"]
            tree.update_inventory(gpu, {"PGPU": tree.data(gpu).inventory["PGPU"]})
            tree.update_inventory(numa, {**tree.data(numa).inventory, "CUSTOM_GPU_MB": memory})
        # Without the allocations moved it would leave some without an inventory.
        with self.assertRaisesRegex(exception.ReshapeFailed, "placement.inventory.inuse"):
            self.client.update_from_provider_tree(self.context, tree, allocations=allocations)
        mine = allocations[SERVER]["allocations"]
        mine[NUMA[1]]["resources"]["CUSTOM_GPU_MB"] = mine[GPU[1]]["resources"].pop("CUSTOM_GPU_MB")
        self.client.update_from_provider_tree(self.context, tree, allocations=allocations)
        assert held(SERVER)[NUMA[1]] == {"VCPU": 2, "CUSTOM_GPU_MB": 400}
        assert held(SERVER)[GPU[1]] == {"PGPU": 1}
        usages = plain("GET", f"/resource_providers/{NUMA[1]}/usages").json()["usages"]
        assert usages == {"VCPU": 2, "CUSTOM_GPU_MB": 400}

    def aggregates_follow_nova(self) -> None:
        path = f"/resource_providers/{HOST}/aggregates"
        self.client.aggregate_add_host(self.context, POOL, host_name="host1")
        assert sorted(plain("GET", path).json()["aggregates"]) == sorted([RACK, POOL])
        self.client.aggregate_add_host(self.context, POOL, rp_uuid=HOST)
        self.client.aggregate_remove_host(self.context, POOL, "host1")
        assert plain("GET", path).json()["aggregates"] == [RACK]
        with self.assertRaises(exception.ResourceProviderNotFound):
            self.client.aggregate_add_host(self.context, POOL, host_name="host2")

    def caches(self) -> None:
        self.client.invalidate_resource_provider(HOST, cacheonly=True)
        self.client.invalidate_resource_provider(HOST)
        assert HOST in self.tree().get_provider_uuids()

    def server_goes(self) -> None:
        whole = held(SERVER)
        gone = self.client.remove_provider_tree_from_instance_allocation(self.context, SERVER, HOST)
        assert gone is True
        assert held(SERVER) == {DISK: whole[DISK]}
        deleted = self.client.delete_allocation_for_instance
        assert deleted(self.context, SERVER) is True
        assert deleted(self.context, SERVER) is False
        assert deleted(self.context, SERVER, force=True) is False
        assert held(SERVER) == {}

    def host_goes(self) -> None:
        on_both = {HOST: {"MEMORY_MB": 512}, DISK: {"DISK_GB": 1}}
        for consumer in (SERVER, MIGRATION):
            payload = {
                "allocations": {uuid: {"resources": each} for uuid, each in on_both.items()},
                "project_id": PROJECT,
                "user_id": USER,
                "consumer_generation": None,
            }
            assert self.client.put_allocations(self.context, consumer, payload) is True
        # One server is on the host; the other was evacuated from it.
        node = objects.ComputeNode(uuid=HOST, hypervisor_hostname="host1", host="host1")
        left = mock.Mock(instance_uuid=MIGRATION)
        with (
            mock.patch.object(
                objects.InstanceList, "get_uuids_by_host_and_node", return_value=[SERVER]
            ),
            mock.patch.object(objects.MigrationList, "get_by_filters", return_value=[left]),
        ):
            self.client.delete_resource_provider(self.context, node, cascade=True)
        assert (held(SERVER), held(MIGRATION)) == ({}, {DISK: {"DISK_GB": 1}})
        remaining = plain("GET", "/resource_providers").json()["resource_providers"]
        assert [each["uuid"] for each in remaining] == [DISK]


class Rivals(NovaTest):
    """Several clients at once, as a cloud's schedulers and compute hosts are."""

    def setUp(self) -> None:
        super().setUp()
        configure(os.environ["NOVA_CONF_NONE"])
        self.client = report.SchedulerReportClient()
        self.client.get_provider_tree_and_ensure_root(self.context, OTHER_HOST, name="host2")
        stock = {"VCPU": inventory(FITTING * 2, max_unit=4)}
        self.client.set_inventory_for_provider(self.context, OTHER_HOST, stock)
        self.addCleanup(self.client._delete_provider, OTHER_HOST)

    def test_claims_that_fit_all_succeed_and_no_other_does(self) -> None:
        """A needless conflict would make Nova sleep for seconds, and complain."""
        servers = [str(uuid.UUID(int=number)) for number in range(FITTING + TOO_MANY)]
        request = {"allocations": {OTHER_HOST: {"resources": {"VCPU": 2}}}}

        def claim(server: str) -> bool:
            client = report.SchedulerReportClient()
            return client.claim_resources(self.context, server, request, PROJECT, USER, "1.36")

        with ThreadPoolExecutor(RIVALS) as threads:
            claimed = dict(zip(servers, threads.map(claim, servers), strict=True))
        assert sum(claimed.values()) == FITTING
        for _ in range(TOO_MANY):
            self.expect_complaint("Unable to allocate inventory")
        usages = plain("GET", f"/resource_providers/{OTHER_HOST}/usages").json()["usages"]
        assert usages == {"VCPU": FITTING * 2}
        for server, done in claimed.items():
            assert self.client.delete_allocation_for_instance(self.context, server) is done

    def test_a_lost_race_for_aggregates_is_run_again(self) -> None:
        read = self.client._get_provider_aggregates
        reads = []

        def overtaken(*arguments: object) -> object:
            found = read(*arguments)
            reads.append(found)
            if len(reads) == 1:
                path = f"/resource_providers/{OTHER_HOST}/aggregates"
                body = {"aggregates": [RACK], "resource_provider_generation": found.generation}
                assert plain("PUT", path, body).status_code == requests.codes.ok
            return found

        with mock.patch.object(self.client, "_get_provider_aggregates", side_effect=overtaken):
            self.client.aggregate_add_host(self.context, POOL, rp_uuid=OTHER_HOST)
        self.expect_complaint("generation already changed")
        found = plain("GET", f"/resource_providers/{OTHER_HOST}/aggregates").json()["aggregates"]
        assert (len(reads), sorted(found)) == (2, [RACK, POOL])
