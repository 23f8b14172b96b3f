"""What tests of operations may ask for besides."""

import pytest
import pytest_asyncio

from tests.conftest import Clock
from tests.factories import Make
from tests.scene import Do, Scene


@pytest.fixture
def do(database: str, clock: Clock) -> Do:
    return Do(clock)


@pytest_asyncio.fixture
async def scene(make: Make, do: Do) -> Scene:
    """With everybody signed in."""
    scene = await Scene.set(make)
    await do.sign_in(*scene.people)
    return scene
