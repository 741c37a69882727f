"""Blanks that make writes of allocations fit the state of the moment, and those writes."""

from dataclasses import dataclass, field
from typing import Any

from tests.conformance.oracle.step import View

Allocations = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Exactly:
    """These allocations."""

    allocations: Allocations = field(hash=False)

    def fill(self, _view: View) -> tuple[Allocations, Any]:
        return self.allocations, None


@dataclass(frozen=True)
class Candidate:
    """One of the candidates that were found last."""

    pick: int

    def fill(self, view: View) -> tuple[Allocations, Any]:
        if not view.candidates:
            return {}, None
        found = view.candidates[self.pick % len(view.candidates)]
        return found["allocations"], found.get("mappings")


@dataclass(frozen=True)
class HeldBy:
    """What some consumer holds."""

    consumer_uuid: str

    def fill(self, view: View) -> tuple[Allocations, Any]:
        return view.allocations(self.consumer_uuid), None


Source = Exactly | Candidate | HeldBy


@dataclass(frozen=True)
class Held:
    """What a consumer shall hold, in the form of a microversion."""

    consumer_uuid: str
    source: Source
    minor: int
    owner: tuple[str, str] = ("p1", "u1")
    consumer_type: str = "INSTANCE"
    off: int = 0
    """How far the generation that is sent is from the right one."""

    def fill(self, view: View) -> dict[str, Any]:
        allocations, mappings = self.source.fill(view)
        project, user = self.owner
        body: dict[str, Any] = {"project_id": project, "user_id": user}
        if self.minor < 8:
            body = {}
        if self.minor < 12:
            body["allocations"] = [
                {"resource_provider": {"uuid": rp}, "resources": each["resources"]}
                for rp, each in allocations.items()
            ]
            return body
        body["allocations"] = allocations
        if self.minor >= 28:
            seen = view.consumer(self.consumer_uuid).get("consumer_generation")
            body["consumer_generation"] = (seen or 0) + self.off if self.off else seen
        if self.minor >= 34 and mappings is not None:
            body["mappings"] = mappings
        if self.minor >= 38:
            body["consumer_type"] = self.consumer_type
        return body


@dataclass(frozen=True)
class Reshape:
    """The body that moves a class from one provider to another, with all that is held of it."""

    source: str
    target: str
    resource_class: str
    minor: int
    off: int = 0
    forget: bool = False
    """Whether one consumer is left out, which is an error if there are any."""

    def fill(self, view: View) -> dict[str, Any]:
        here, there = view.inventories(self.source), view.inventories(self.target)
        moved = here.pop(self.resource_class, {"total": 4})
        inventories = {
            self.source: self._inventories(view, self.source, here),
            self.target: self._inventories(
                view, self.target, {**there, self.resource_class: moved}
            ),
        }
        holders = view.holders(self.source)[1 if self.forget else 0 :]
        return {
            "inventories": inventories,
            "allocations": {consumer: self._rehomed(view, consumer) for consumer in holders},
        }

    def _inventories(self, view: View, rp_uuid: str, inventories: Any) -> dict[str, Any]:
        return {
            "resource_provider_generation": view.generation(rp_uuid) + self.off,
            "inventories": inventories,
        }

    def _rehomed(self, view: View, consumer_uuid: str) -> dict[str, Any]:
        held = view.consumer(consumer_uuid)
        allocations = view.allocations(consumer_uuid)
        resources = allocations.get(self.source, {}).get("resources", {})
        amount = resources.pop(self.resource_class, 0)
        if amount and self.source != self.target:
            there = allocations.setdefault(self.target, {"resources": {}})["resources"]
            there[self.resource_class] = there.get(self.resource_class, 0) + amount
        body = {
            "allocations": {rp: each for rp, each in allocations.items() if each["resources"]},
            **{key: held[key] for key in ("project_id", "user_id", "consumer_generation")},
        }
        if self.minor >= 38:
            body["consumer_type"] = held["consumer_type"]
        return body
