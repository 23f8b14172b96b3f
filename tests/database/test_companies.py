from tests.factories import Make
from tests.snapshots import snapshot


async def test_a(make: Make) -> None:
    c = await make.company()
    await make.manager(c)
    print(await snapshot())


async def test_b(make: Make) -> None:
    c = await make.company()
    await make.manager(c)


async def test_c(make: Make) -> None:
    c = await make.company()
    await make.manager(c)
