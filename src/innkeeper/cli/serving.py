"""What the commands that serve until they are told to stop have in common."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from innkeeper.cli import exits, output
from innkeeper.config import Config
from innkeeper.core.ids import CellName
from innkeeper.core.report import HostReport


class Listening(msgspec.Struct, frozen=True):
    """Where a server can be reached."""

    url: str
    """Of all its APIs."""
    placement_url: str
    """Of the Placement API alone, at the root of a port of its own; "" if it has none."""

    @property
    def shown(self) -> dict[str, object]:
        """What --json has of it."""
        alone = {"placement_url": self.placement_url} if self.placement_url else {}
        return {"url": self.url, **alone}


async def serve_with_workers(config: Config, *, announce: Callable[[Listening], None]) -> int:
    """Run several processes that serve the same ports until a signal says stop."""
    from innkeeper.wiring.directory import keep
    from innkeeper.wiring.serve import stop_signals
    from innkeeper.wiring.supervising import supervising

    with stop_signals() as told:
        async with supervising(config, told) as ports:
            if not told.is_set():
                keep(config.data_path)
                announce(Listening(ports.url, ports.placement_url))
            await told.wait()
            output.note("Stopping.")
    return exits.FINE


async def serve(
    config: Config,
    hosts: Mapping[CellName, Sequence[HostReport]],
    *,
    announce: Callable[[Listening], None],
) -> int:
    """Run what `wiring.system.running` makes until a signal says stop; give the exit code."""
    from random import SystemRandom

    from innkeeper.wiring.directory import keep
    from innkeeper.wiring.loop import settle
    from innkeeper.wiring.parts import scheduler_settings
    from innkeeper.wiring.serve import stop_signals, unless
    from innkeeper.wiring.system import running

    settle()
    with stop_signals() as told:
        system = running(
            config, hosts, scheduling=scheduler_settings(config), random=SystemRandom()
        )
        async with unless(told, system) as started:
            if started is not None:
                settle()
                keep(config.data_path)
                announce(Listening(started.url, started.placement_url))
                await told.wait()
            output.note("Stopping.")
    return exits.FINE
