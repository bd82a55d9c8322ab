from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.dingtalk_rig import dingtalk_rig
from tests.contract.rig import Rig
from tests.contract.wecom_rig import wecom_rig

RIGS = {"dingtalk": dingtalk_rig, "wecom": wecom_rig}


@pytest.fixture(params=RIGS)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """Every platform's adapter in turn."""
    async with RIGS[request.param](tmp_path) as one:
        yield one
