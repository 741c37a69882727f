"""One worker of `innkeeper api --workers`: it is started by that command only.

What to do comes by standard input; when that ends, whoever started it has ended, and so does this.
"""

import asyncio
import sys

import msgspec

from innkeeper.cli import exits
from innkeeper.core.errors import SetupError
from innkeeper.obs import log
from innkeeper.wiring.loop import run, settle
from innkeeper.wiring.workers import READY, Order


def main() -> int:
    """Serve until told to stop; give the exit code."""
    line = sys.stdin.buffer.readline()
    if not line:
        return exits.FINE
    order = msgspec.json.decode(line, type=Order)
    log.set_up(order.config.log_level)
    try:
        return run(_serve(order))
    except SetupError as error:
        print(f"innkeeper: {' '.join(error.detail.split())}", file=sys.stderr)
        return exits.SETUP


async def _serve(order: Order) -> int:
    from random import SystemRandom

    from innkeeper.wiring.parts import scheduler_settings, share_store
    from innkeeper.wiring.ports import Ports
    from innkeeper.wiring.serve import stop_signals, unless
    from innkeeper.wiring.shares import Share
    from innkeeper.wiring.system import serving

    config = order.config
    loop = asyncio.get_running_loop()
    ports = Ports.inherited(order.filenos, Share(order.shares, order.place))
    settle()
    with stop_signals() as told:

        def alone() -> None:
            loop.remove_reader(sys.stdin)
            told.set()

        loop.add_reader(sys.stdin, alone)
        system = serving(
            config,
            {},
            store=share_store(config),
            ports=ports,
            scheduling=scheduler_settings(config),
            random=SystemRandom(),
            server=order.server,
        )
        async with unless(told, system) as started:
            if started is not None:
                settle()
                sys.stdout.buffer.write(READY)
                sys.stdout.buffer.flush()
                await told.wait()
    return exits.FINE


if __name__ == "__main__":
    sys.exit(main())
