"""The few names that histories are about, so that requests meet the same things again."""

from dataclasses import dataclass, field

PROVIDERS = tuple(f"aaaaaaaa-0000-4000-8000-{number:012}" for number in range(1, 9))
CONSUMERS = tuple(f"bbbbbbbb-0000-4000-8000-{number:012}" for number in range(1, 6))
AGGREGATES = tuple(f"cccccccc-0000-4000-8000-{number:012}" for number in range(1, 4))
NOBODY = "dddddddd-0000-4000-8000-000000000001"
"""The uuid of nothing."""

CLASSES = ("VCPU", "MEMORY_MB", "DISK_GB", "VGPU", "CUSTOM_GOLD")
SHARES = "MISC_SHARES_VIA_AGGREGATE"
TRAITS = ("HW_CPU_X86_AVX", "HW_CPU_X86_AVX2", "CUSTOM_RED", "CUSTOM_BLUE")
PROJECTS = ("p1", "p2")
USERS = ("u1", "u2")
TYPES = ("INSTANCE", "MIGRATION")


@dataclass(frozen=True)
class Rp:
    """A provider as a history begins."""

    uuid: str
    parent: str | None
    stock: dict[str, dict[str, object]] = field(default_factory=dict)
    traits: tuple[str, ...] = ()
    aggregates: tuple[str, ...] = ()


@dataclass(frozen=True)
class World:
    """What there is as a history begins; parents come before their children."""

    rps: tuple[Rp, ...]
