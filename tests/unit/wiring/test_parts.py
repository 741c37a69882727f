"""The parts of an api process: what keeps them from being made."""

from pathlib import Path
from random import Random

import pytest

from innkeeper.config import Config, SchedulerSettings
from innkeeper.core.errors import SetupError
from innkeeper.wiring.parts import make_parts, open_store, scheduler_settings


async def test_a_policy_that_does_not_exist(tmp_path: Path) -> None:
    config = Config(data_dir=str(tmp_path), scheduler=SchedulerSettings(policy="typo"))
    store = open_store(config)
    try:
        with pytest.raises(SetupError, match=r"scheduler\.policy: .* 'typo'.*spread"):
            make_parts(
                config,
                store,
                scheduling=scheduler_settings(config),
                random=Random(1),
                is_ready=lambda: True,
            )
    finally:
        await store.close()
