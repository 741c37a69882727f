"""A cloud in a Placement API: filled, changed, and read back whole."""

import json
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import httpx2

Json = Any

MEMORY_MB: Final = 32_768
AGGREGATES: Final = tuple(str(UUID(int=n)) for n in (0xA1, 0xA2))

CANDIDATES: Final = (
    "resources=VCPU:1",
    "resources=VCPU:2,MEMORY_MB:1024,DISK_GB:10",
    "resources=VCPU:1&required=CUSTOM_GOLD",
    "resources=VCPU:1&required=!CUSTOM_GOLD&limit=1000",
    f"resources=VCPU:1&member_of={AGGREGATES[0]}",
    "resources=PGPU:1,VCPU:1",
    "resources=VCPU:1&resources_GPU=PGPU:1&required_GPU=CUSTOM_NVLINK&group_policy=isolate",
    "resources=CUSTOM_LICENCE:3",
    "resources=VCPU:1000000",
)


def uuid(kind: int, number: int) -> str:
    return str(UUID(int=(kind << 64) + number, version=4))


class Cloud:
    """Writes to a Placement API; whatever is refused is an error."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client

    def send(self, method: str, path: str, body: Json = None, *, version: str = "1.39") -> Json:
        headers = {"openstack-api-version": f"placement {version}"}
        answer = self._client.request(method, path, json=body, headers=headers)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def generation(self, rp_uuid: str) -> int:
        found: int = self.send("GET", f"/resource_providers/{rp_uuid}")["generation"]
        return found

    def provider(self, rp_uuid: str, name: str, *, parent: str | None = None) -> str:
        body = {"uuid": rp_uuid, "name": name, "parent_provider_uuid": parent}
        self.send("POST", "/resource_providers", body)
        return rp_uuid

    def inventories(self, rp_uuid: str, **totals: Json) -> None:
        found = {
            name: each if isinstance(each, dict) else {"total": each}
            for name, each in totals.items()
        }
        body = {
            "resource_provider_generation": self.generation(rp_uuid),
            "inventories": found,
        }
        self.send("PUT", f"/resource_providers/{rp_uuid}/inventories", body)

    def traits(self, rp_uuid: str, *names: str) -> None:
        body = {"resource_provider_generation": self.generation(rp_uuid), "traits": names}
        self.send("PUT", f"/resource_providers/{rp_uuid}/traits", body)

    def aggregates(self, rp_uuid: str, *uuids: str) -> None:
        body = {"resource_provider_generation": self.generation(rp_uuid), "aggregates": uuids}
        self.send("PUT", f"/resource_providers/{rp_uuid}/aggregates", body)

    def hold(
        self,
        consumer: str,
        held: dict[str, dict[str, int]],
        *,
        project: str = "demo",
        kind: str = "INSTANCE",
        generation: int | None = None,
    ) -> None:
        body = {
            "allocations": {rp: {"resources": resources} for rp, resources in held.items()},
            "project_id": project,
            "user_id": f"user of {project}",
            "consumer_type": kind,
            "consumer_generation": generation,
        }
        self.send("PUT", f"/allocations/{consumer}", body)


def fill(cloud: Cloud) -> None:
    """Make a cloud with all that there is: trees, sharing, aggregates, over-commit, old clients."""
    for name in ("CUSTOM_LICENCE", "CUSTOM_UNUSED"):
        cloud.send("PUT", f"/resource_classes/{name}")
    for name in ("CUSTOM_GOLD", "CUSTOM_NVLINK", "CUSTOM_UNUSED"):
        cloud.send("PUT", f"/traits/{name}")
    storage = cloud.provider(uuid(2, 1), "shared storage")
    cloud.inventories(storage, DISK_GB={"total": 10_000, "reserved": 100, "step_size": 10})
    cloud.traits(storage, "MISC_SHARES_VIA_AGGREGATE")
    cloud.aggregates(storage, AGGREGATES[0])
    for number in range(5):
        _host(cloud, number)
    _consumers(cloud, storage)
    # Smaller than what is held of it: an over-commit, as operators make them.
    cloud.inventories(
        uuid(1, 0),
        VCPU=1,
        MEMORY_MB={"total": MEMORY_MB, "allocation_ratio": 1.5},
        CUSTOM_LICENCE=4,
    )


def _host(cloud: Cloud, number: int) -> None:
    host = cloud.provider(uuid(1, number), f"host-{number} naïve ☃")
    cloud.inventories(
        host,
        VCPU={"total": 16, "allocation_ratio": 4.0, "max_unit": 16},
        MEMORY_MB={"total": MEMORY_MB, "reserved": 512, "allocation_ratio": 1.5},
        **({"CUSTOM_LICENCE": 4} if number < 2 else {}),
        **({"DISK_GB": 500} if number > 3 else {}),
    )
    cloud.traits(host, "HW_CPU_X86_AVX2", *(["CUSTOM_GOLD"] if number % 2 else []))
    cloud.aggregates(host, *AGGREGATES[: number % 3])
    for socket in range(2):
        node = cloud.provider(uuid(3, number * 10 + socket), f"{number}/numa{socket}", parent=host)
        card = cloud.provider(uuid(4, number * 10 + socket), f"{number}/gpu{socket}", parent=node)
        cloud.inventories(card, PGPU=2)
        cloud.traits(card, *(["CUSTOM_NVLINK"] if socket else []))


def _consumers(cloud: Cloud, storage: str) -> None:
    for number in range(8):
        host = uuid(1, number % 4)
        held = {host: {"VCPU": 2, "MEMORY_MB": 512 * (number + 1)}, storage: {"DISK_GB": 20}}
        if number % 2:
            held[uuid(4, number % 4 * 10 + 1)] = {"PGPU": 1}
        cloud.hold(
            uuid(5, number),
            held,
            project=("demo", "research", "ops")[number % 3],
            kind="MIGRATION" if number == 6 else "INSTANCE",
        )
    cloud.hold(uuid(5, 1), {uuid(1, 1): {"VCPU": 3}}, generation=1)
    # One that is emptied again, one of a client without types, one of a client without projects.
    cloud.hold(uuid(5, 50), {uuid(1, 2): {"VCPU": 1}})
    cloud.send("DELETE", f"/allocations/{uuid(5, 50)}")
    untyped = {
        "allocations": {uuid(1, 3): {"resources": {"VCPU": 1}}},
        "project_id": "demo",
        "user_id": "somebody",
        "consumer_generation": None,
    }
    cloud.send("PUT", f"/allocations/{uuid(5, 60)}", untyped, version="1.28")
    bare = {
        "allocations": [
            {"resource_provider": {"uuid": uuid(1, 4)}, "resources": {"VCPU": 1, "DISK_GB": 5}}
        ]
    }
    cloud.send("PUT", f"/allocations/{uuid(5, 61)}", bare, version="1.0")


def change(cloud: Cloud) -> None:
    """Change a bit of everything."""
    cloud.send("PUT", "/resource_classes/CUSTOM_LATE")
    host = cloud.provider(uuid(1, 77), "a later host")
    cloud.inventories(host, VCPU=8, CUSTOM_LATE=3)
    cloud.aggregates(host, AGGREGATES[1])
    cloud.hold(uuid(5, 77), {host: {"VCPU": 3, "CUSTOM_LATE": 1}}, project="late", kind="LATE_TYPE")
    cloud.send("DELETE", f"/allocations/{uuid(5, 2)}")
    cloud.traits(uuid(1, 2), "CUSTOM_GOLD")
    renamed = {"name": "moved card", "parent_provider_uuid": uuid(1, 3)}
    cloud.send("PUT", f"/resource_providers/{uuid(4, 0)}", renamed)


def everything(client: httpx2.Client) -> dict[str, Json]:
    """Give the answer to every GET that there is, by path, with lists in one order."""
    answers: dict[str, Json] = {}

    def get(path: str) -> Json:
        answer = client.get(path, headers={"openstack-api-version": "placement 1.39"})
        body = answer.json() if answer.content else None
        answers[path] = (answer.status_code, ordered(body))
        return body

    providers = get("/resource_providers")["resource_providers"]
    consumers: set[str] = set()
    for each in providers:
        path = f"/resource_providers/{each['uuid']}"
        modified = client.get(path, headers={"openstack-api-version": "placement 1.39"})
        answers[f"{path} last-modified"] = modified.headers["last-modified"]
        get(path)
        for name in get(f"{path}/inventories")["inventories"]:
            get(f"{path}/inventories/{name}")
        for part in ("usages", "traits", "aggregates"):
            get(f"{path}/{part}")
        consumers.update(get(f"{path}/allocations")["allocations"])
    owners = set()
    for consumer in consumers:
        held = get(f"/allocations/{consumer}")
        owners.add((held["project_id"], held["user_id"], held["consumer_type"]))
    for path in rest(answers, owners):
        get(path)
    assert len(consumers) > 5
    return answers


def rest(answers: dict[str, Json], owners: set[tuple[str, str, str]]) -> Iterator[str]:
    """Give the paths that do not lie below a provider."""
    yield from ("/", "/traits", "/traits?associated=true", "/resource_classes")
    yield from (
        f"/resource_classes/{each['name']}"
        for each in answers["/resource_classes"][1]["resource_classes"]
    )
    for name in ("CUSTOM_GOLD", "CUSTOM_UNUSED", "CUSTOM_NO_SUCH"):
        yield f"/traits/{name}"
    for project, user, kind in owners:
        yield f"/usages?project_id={project}"
        yield f"/usages?project_id={project}&user_id={user}"
        yield f"/usages?project_id={project}&consumer_type={kind}"
    yield from (f"/allocation_candidates?{query}" for query in CANDIDATES)


def ordered(body: Json) -> Json:
    """Give ``body`` with its lists in the order of their JSON."""
    if isinstance(body, dict):
        return {
            name: None if name == "request_id" else ordered(each) for name, each in body.items()
        }
    if isinstance(body, list):
        return sorted(map(ordered, body), key=lambda each: json.dumps(each, sort_keys=True))
    return body
