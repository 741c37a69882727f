"""Put exported fixture state into a live server through its API, and compare it afterwards.

The state must come out as the reference has it, generations included, for later tests compare
them. So each write is chosen for the generation that it costs, and what is still missing is
made up with writes that change nothing else.
"""

from types import TracebackType
from typing import Any, Self

import httpx

ADMIN = {"x-auth-token": "admin", "accept": "application/json"}
MAX_BUMPS = 50
"""Most writes that only raise a generation; no fixture needs more than a few."""
INCOMPLETE = "00000000-0000-0000-0000-000000000000"
"""Stands for a project or user that is not known."""
BIG = 2**31 - 1

RELAXED = {
    "total": BIG,
    "reserved": 0,
    "min_unit": 1,
    "max_unit": BIG,
    "step_size": 1,
    "allocation_ratio": 1.0,
}


class LoadError(Exception):
    """The server refused a write of the state, or answered something else than asked."""


class Loader:
    """Loads one state into one server."""

    def __init__(self, base_url: str, state: dict[str, Any], *, timeout_s: float) -> None:
        self.state = state
        self.differences: list[str] = []
        self.client = httpx.Client(base_url=base_url, timeout=timeout_s, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.close()

    def call(self, method: str, path: str, version: str, body: object = None) -> httpx.Response:
        headers = {**ADMIN, "openstack-api-version": f"placement {version}"}
        more = {} if body is None else {"json": body}
        try:
            response = self.client.request(method, path, headers=headers, **more)
        except httpx.HTTPError as error:
            raise LoadError(f"{method} {path}: {error!r}") from error
        if response.status_code not in {200, 201, 204}:
            raise LoadError(
                f"{method} {path} at {version} answered {response.status_code}: {response.text}"
            )
        return response

    def get(self, path: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.call("GET", path, "1.39").json()
        return answer

    def generation(self, uuid: str) -> int:
        return int(self.get(f"/resource_providers/{uuid}")["generation"])

    # --- writing ----------------------------------------------------------------------------

    def load(self) -> None:
        state = self.state
        for name in state["resource_classes"]:
            self.call("PUT", f"/resource_classes/{name}", "1.7")
        for name in state["traits"]:
            self.call("PUT", f"/traits/{name}", "1.6")
        self._create_providers()
        relaxed = self._needing_relaxed_inventory()
        for rp in state["providers"]:
            self._fill_provider(rp, relaxed=rp["uuid"] in relaxed)
        for consumer in state["consumers"]:
            self._write_consumer(consumer)
        for rp in state["providers"]:
            if rp["uuid"] in relaxed:
                self._put_inventories(rp["uuid"], rp["inventories"])
        for rp in state["providers"]:
            self._match_generation(rp)

    def _create_providers(self) -> None:
        """Create providers in their order, but none before its parent."""
        waiting, done = list(self.state["providers"]), set()
        while waiting:
            ready = next(rp for rp in waiting if not rp["parent"] or rp["parent"] in done)
            waiting.remove(ready)
            done.add(ready["uuid"])
            body = {"uuid": ready["uuid"], "name": ready["name"]}
            if ready["parent"]:
                body["parent_provider_uuid"] = ready["parent"]
            self.call("POST", "/resource_providers", "1.39", body)

    def _needing_relaxed_inventory(self) -> set[str]:
        """Give the providers whose own inventory would refuse their allocations."""
        inventories = {rp["uuid"]: rp["inventories"] for rp in self.state["providers"]}
        used: dict[tuple[str, str], int] = {}
        relaxed = set()
        for consumer in self.state["consumers"]:
            for rp_uuid, resources in consumer["allocations"].items():
                for name, amount in resources.items():
                    inventory = inventories[rp_uuid][name]
                    used[rp_uuid, name] = used.get((rp_uuid, name), 0) + amount
                    free = inventory["total"] - inventory["reserved"]
                    if (
                        used[rp_uuid, name] > free * inventory["allocation_ratio"]
                        or not inventory["min_unit"] <= amount <= inventory["max_unit"]
                        or amount % inventory["step_size"]
                    ):
                        relaxed.add(rp_uuid)
        return relaxed

    def _put_inventories(self, uuid: str, inventories: dict[str, Any]) -> None:
        body = {"resource_provider_generation": self.generation(uuid), "inventories": inventories}
        self.call("PUT", f"/resource_providers/{uuid}/inventories", "1.39", body)

    def _fill_provider(self, rp: dict[str, Any], *, relaxed: bool) -> None:
        path = f"/resource_providers/{rp['uuid']}"
        if rp["aggregates"]:
            # Up to 1.18 this leaves the generation alone, as the upstream fixtures do.
            self.call("PUT", f"{path}/aggregates", "1.18", rp["aggregates"])
        if rp["traits"]:
            body = {
                "resource_provider_generation": self.generation(rp["uuid"]),
                "traits": rp["traits"],
            }
            self.call("PUT", f"{path}/traits", "1.39", body)
        if rp["inventories"]:
            inventories = rp["inventories"]
            self._put_inventories(
                rp["uuid"], dict.fromkeys(inventories, RELAXED) if relaxed else inventories
            )

    def _write_consumer(self, consumer: dict[str, Any]) -> None:
        path = f"/allocations/{consumer['uuid']}"
        body: dict[str, Any] = {
            "allocations": {
                rp_uuid: {"resources": resources}
                for rp_uuid, resources in consumer["allocations"].items()
            },
            "project_id": consumer["project_id"] or INCOMPLETE,
            "user_id": consumer["user_id"] or INCOMPLETE,
            "consumer_generation": None,
        }
        # A consumer without a type can only be made before there were types.
        version = "1.37"
        if consumer["consumer_type"]:
            version = "1.38"
            body["consumer_type"] = consumer["consumer_type"]
        for _ in range(consumer["generation"] or 1):
            self.call("PUT", path, version, body)
            body["consumer_generation"] = self.get(path)["consumer_generation"]

    def _match_generation(self, rp: dict[str, Any]) -> None:
        """Write without changing anything until the generation is the reference's."""
        path = f"/resource_providers/{rp['uuid']}/aggregates"
        for _ in range(MAX_BUMPS):
            seen = self.generation(rp["uuid"])
            if seen >= rp["generation"]:
                return
            body = {"resource_provider_generation": seen, "aggregates": rp["aggregates"]}
            self.call("PUT", path, "1.39", body)

    # --- reading back -----------------------------------------------------------------------

    def verify(self) -> None:
        """Note in ``differences`` where the server's state is not the reference's."""
        for path, key in (("/resource_classes", "resource_classes"), ("/traits", "traits")):
            for name in self.state[key]:
                self.call("GET", f"{path}/{name}", "1.39")
        listed = self.get("/resource_providers")["resource_providers"]
        self._compare(
            "providers",
            sorted(rp["uuid"] for rp in self.state["providers"]),
            sorted(rp["uuid"] for rp in listed),
        )
        for rp in self.state["providers"]:
            self._verify_provider(rp)
        for consumer in self.state["consumers"]:
            self._verify_consumer(consumer)

    def _compare(self, what: str, wanted: object, seen: object) -> None:
        if wanted != seen:
            self.differences.append(f"{what}: reference has {wanted}, server has {seen}")

    def _verify_provider(self, rp: dict[str, Any]) -> None:
        path, label = f"/resource_providers/{rp['uuid']}", f"provider {rp['name']}"
        seen = self.get(path)
        for key, name in (
            ("name", "name"),
            ("generation", "generation"),
            ("parent", "parent_provider_uuid"),
            ("root", "root_provider_uuid"),
        ):
            self._compare(f"{label} {key}", rp[key], seen[name])
        inventories = self.get(f"{path}/inventories")["inventories"]
        self._compare(f"{label} inventories", rp["inventories"], inventories)
        for key in ("traits", "aggregates"):
            names = self.get(f"{path}/{key}")[key]
            self._compare(f"{label} {key}", sorted(rp[key]), sorted(names))

    def _verify_consumer(self, consumer: dict[str, Any]) -> None:
        label = f"consumer {consumer['uuid']}"
        seen = self.get(f"/allocations/{consumer['uuid']}")
        held = {uuid: each["resources"] for uuid, each in seen["allocations"].items()}
        self._compare(f"{label} allocations", consumer["allocations"], held)
        for key, wanted in (
            ("project_id", consumer["project_id"] or INCOMPLETE),
            ("user_id", consumer["user_id"] or INCOMPLETE),
            ("consumer_type", consumer["consumer_type"] or "unknown"),
            ("consumer_generation", consumer["generation"] or 1),
        ):
            self._compare(f"{label} {key}", wanted, seen[key])
