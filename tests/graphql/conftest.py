import pytest_asyncio

from tests.factories import Make
from tests.scene import Scene


@pytest_asyncio.fixture
async def scene(make: Make) -> Scene:
    return await Scene.set(make)
