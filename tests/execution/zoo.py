"""A schema of every sort of field, in a world where any of them may go wrong by chance."""

import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum
from typing import Annotated, Any, ClassVar, Final, NewType, TypeVar

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission
from strawberry.schema.config import StrawberryConfig

from models.access import Caller
from models.base import new_id
from models.users import UserRole
from resolvers.reading.reader import Reader
from schema.edges import argument, edge, edges, root_edge
from schema.execution.executor import CompilingExecutor
from schema.execution.plans import Plans
from schema.execution.running import Level, Whole

START: Final = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ANIMALS: Final = 7
KEEPERS: Final = 3


VISITOR: Final = Caller(
    session_id=new_id(),
    user_id=new_id(),
    role=UserRole.LEARNER,
    company_id=new_id(),
    path="/",
    home_id=new_id(),
)

T = TypeVar("T")


class Mishap(Exception):
    """What goes wrong by chance."""


class Strange:
    def __repr__(self) -> str:
        return "<strange>"


class Eager(CompilingExecutor):
    plans: ClassVar[Plans[Level]] = Plans()
    wholes: ClassVar[Plans[Whole]] = Plans()


@dataclass
class Odds:
    """`rate` of all values go wrong, the same ones whenever they are asked for; so do `wrong`."""

    seed: int
    rate: float
    wrong: Mapping[tuple[Any, ...], Any]

    def chance(self, *what: object) -> float:
        return zlib.crc32(repr((self.seed, *what)).encode()) / 2**32

    def value(self, right: Any, *what: object) -> Any:
        """The right value, or one that is not: an error, nothing, or of another sort."""
        if what in self.wrong:
            return self.wrong[what]
        if self.chance("wrong", *what) >= self.rate:
            return right
        wrong = [Mishap(f"{what}"), None, Strange(), [right], 2**40, "", float("nan")]
        return wrong[int(self.chance("how", *what) * len(wrong))]

    def check(self, *what: object) -> None:
        if self.chance("raise", *what) < self.rate:
            raise Mishap(f"{what}")


class World(Reader):
    """What there is, and what was asked of it. It is a request's context, too."""

    def __init__(
        self, seed: int = 0, rate: float = 0.0, wrong: Mapping[tuple[Any, ...], Any] | None = None
    ) -> None:
        super().__init__(None, START)
        self.odds = Odds(seed, rate, wrong or {})
        self.calls: list[str] = []
        self.writes = 0

    @property
    def reader(self) -> Reader:
        return self

    @property
    def asking(self) -> Caller:
        self.odds.check("asking")
        return VISITOR

    def value(self, right: Any, *what: object) -> Any:
        return self.odds.value(right, *what)

    def animal(self, id: int) -> "Animal":
        kind = list(Kind)[id % 3]
        right = {
            "number": str(id),
            "name": f"Animal {id}" if id % 7 else None,
            "legs": id % 5,
            "weight": id / 2,
            "kind": kind,
            "mood": Mood.FINE if id % 2 else "GRUMPY",
            "born": START + timedelta(days=id),
            "tame": id % 2 == 0,
            "tags": [f"t{n}" for n in range(id % 3)],
            "matrix": [[1, None, id], None, []],
            "mark": Mark(text=f"mark {id}", inner=None),
            "marks": (Mark(text="a", inner=Mark(text="b", inner=None)),),
            "keeper_id": id % KEEPERS if id % 5 else None,
            "cage_id": id % 3,
            "cry": f"cry {id}",
            "friend_ids": [(id + n) % ANIMALS for n in range(id % 4)],
        }
        keys = {"keeper_id": right["keeper_id"], "friend_ids": right["friend_ids"]}
        told = {name: self.value(value, "Animal", id, name) for name, value in right.items()}
        return _made(Animal, odds=self.odds, **told | keys)

    def keeper(self, id: int) -> "Keeper":
        name = self.value(f"Keeper {id}", "Keeper", id, "name")
        return _made(
            Keeper, odds=self.odds, number=str(id), name=name, favourite_id=(id * 3) % ANIMALS
        )


def _made(cls: type[T], **attributes: Any) -> T:
    made = cls.__new__(cls)
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


@strawberry.enum
class Kind(Enum):
    CAT = 1
    DOG = 2
    BIRD = "bird"


@strawberry.enum
class Mood(StrEnum):
    FINE = "FINE"
    GRUMPY = "GRUMPY"


Shout = NewType("Shout", str)


def _shouted(value: object) -> str | None:
    if value is None:
        return "silence"
    if not isinstance(value, str):
        raise TypeError("only words are shouted")
    return f"{value.upper()}!" if value else None


SHOUT: Final = strawberry.scalar(name="Shout", serialize=_shouted)


class Nobody(BasePermission):
    message = "nobody may see this"

    def has_permission(self, source: Any, *_: Any, **__: Any) -> bool:
        return bool(source.tame)


class Twice(FieldExtension):
    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Any, **arguments: Any
    ) -> Any:
        return 2 * str(await next_(source, info, **arguments))


Reads = Mapping[Any, Any]


async def _load(
    reader: Any, keys: Sequence[Any], what: str, find: Callable[[Any], Any]
) -> dict[Any, Any]:
    world: World = reader
    odds = world.odds
    world.calls.append(what)
    if odds.chance("batch", what) < odds.rate / 8:
        raise Mishap(f"all of {what}")
    found: dict[Any, Any] = {}
    for key in keys:
        if (what, key) in odds.wrong:
            found[key] = odds.wrong[what, key]
            continue
        chance = odds.chance("key", what, key)
        if chance < odds.rate:
            found[key] = Mishap(f"{what} {getattr(key, 'number', key)}")
        elif chance >= 1.5 * odds.rate:
            found[key] = find(key)
    return found


async def keepers(reader: Any, keys: Sequence[Any]) -> Reads:
    return await _load(reader, keys, "keeper", reader.keeper)


async def cages(reader: Any, keys: Sequence[Any]) -> Reads:
    return await _load(reader, keys, "cage", lambda key: Cage(number=strawberry.ID(f"{key}")))


async def animals(reader: Any, keys: Sequence[Any]) -> Reads:
    return await _load(reader, keys, "animal", reader.animal)


async def animals_near(
    reader: Any, keys: Sequence[Any], *, first: int | None = 2, kind: Kind | None = None
) -> Reads:
    def find(number: Any) -> list[Animal]:
        near = [(int(number) + n) % ANIMALS for n in range(1, 1 + min(first or 0, ANIMALS))]
        found = [reader.animal(id) for id in near]
        return [each for each in found if kind is None or each.kind is kind]

    return await _load(reader, keys, f"near {first} {kind}", find)


async def grazing(reader: Any, keys: Sequence[Any], *, first: int | None = 2) -> Reads:
    def find(_: Any) -> list[Animal]:
        return [reader.animal(id) for id in range(min(first or 0, ANIMALS))]

    return await _load(reader, keys, f"grazing {first}", find)


async def bosses(reader: Any, keys: Sequence[Any]) -> Reads:
    return await _load(reader, keys, "boss", lambda _: reader.keeper(1))


async def labels(reader: Any, keys: Sequence[Any]) -> Reads:
    return await _load(reader, keys, "label", lambda number: f"No. {number}")


async def companions(reader: Any, keys: Sequence[Any]) -> Reads:
    def find(key: Any) -> Any:
        number = int(key)
        return reader.keeper(number % KEEPERS) if number % 2 else reader.animal(number)

    return await _load(reader, keys, "companion", find)


async def herds(
    reader: Any,
    keys: Sequence[Any],
    *,
    first: int | None = 3,
    want: frozenset[str] = frozenset(),
) -> Reads:
    def find(number: Any) -> Herd:
        ids = range(int(number), ANIMALS, KEEPERS)
        found = [reader.animal(id) for id in list(ids)[:first]]
        return Herd(animals=found, total=len(ids) if "total" in want else -1)

    return await _load(reader, keys, f"herd {first} {sorted(want)}", find)


@strawberry.interface
class Named:
    name: str | None


@strawberry.type
class Mark:
    text: str
    inner: "Mark | None"
    parts: "list[Mark]" = strawberry.field(default_factory=list)

    @strawberry.field
    def length(self) -> int:
        return len(self.text)


@strawberry.type
class Cage:
    number: strawberry.ID


@strawberry.type
class Animal(Named):
    odds: strawberry.Private[Any]
    keeper_id: strawberry.Private[Any]
    cage_id: strawberry.Private[Any]
    friend_ids: strawberry.Private[Any]
    number: strawberry.ID
    legs: int
    weight: float | None
    kind: Kind
    mood: Mood | None
    born: datetime
    tame: bool
    tags: list[str]
    matrix: list[list[int | None] | None]
    cry: Shout
    mark: Mark
    marks: list[Mark] | None
    keeper: "Keeper | None" = edge(keepers, key="keeper_id", description="May be null.")
    keeper_at_least: "Keeper" = edge(keepers, key="keeper_id", description="Must not be null.")
    cage: Cage = edge(cages, key="cage_id", description="Must not be null.")
    near: "list[Animal] | None" = edge(
        animals_near,
        "number",
        takes=(
            argument("first", int | None, "How many.", 2),
            argument("kind", Kind | None, "What."),
        ),
        description="A list.",
    )
    label: str = edge(labels, "number", description="A leaf.")
    companion: Named | None = edge(companions, "number", description="Abstract.")
    likes: "Annotated[Animal | Keeper, strawberry.union('Liked')] | None" = edge(
        companions, "number", description="A union."
    )
    friends: "list[Animal]" = edges(animals, "friend_ids", description="Several keys.")

    @strawberry.field
    def shout(self) -> Shout | None:
        self.odds.check("shout", self.number)
        return Shout(self.name or "silence")

    @strawberry.field
    def maybe(self) -> str | None:
        self.odds.check("maybe", self.number)
        return "perhaps"

    @strawberry.field
    def asked(self, info: strawberry.Info[Any, Any]) -> str:
        return f"{info.field_name} of {info.context.odds.seed}"

    @strawberry.field
    def where(self, info: strawberry.Info[Any, Any]) -> str:
        return ".".join(str(step) for step in info.path.as_list())

    @strawberry.field
    def echo(self, words: str = "hm", times: int | None = 1) -> str | None:
        return words * min(times or 0, 3)

    @strawberry.field
    async def later(self) -> str | None:
        self.odds.check("later", self.number)
        return "later"

    @strawberry.field(permission_classes=[Nobody])  # type: ignore[untyped-decorator]
    def secret(self) -> str | None:
        return "secret"

    @strawberry.field(extensions=[Twice()])  # type: ignore[untyped-decorator]
    async def twice(self) -> str:
        return "twice "


@strawberry.type
class Keeper(Named):
    odds: strawberry.Private[Any]
    favourite_id: strawberry.Private[Any]
    number: strawberry.ID
    favourite: Animal | None = edge(animals, key="favourite_id", description="May be null.")
    herd: "Herd" = edge(
        herds,
        "number",
        takes=(argument("first", int | None, "How many.", 3),),
        selective=True,
        description="A page.",
    )


@strawberry.type
class Herd:
    animals: list[Animal]
    total: int


@strawberry.type
class Query:
    @strawberry.field
    def animal(self, info: strawberry.Info[Any, Any], number: int = 1) -> Animal | None:
        return info.context.animal(number)  # type: ignore[no-any-return]

    @strawberry.field
    async def animals(self, info: strawberry.Info[Any, Any]) -> list[Animal]:
        return [info.context.animal(id) for id in range(ANIMALS)]

    @strawberry.field
    def some(self, info: strawberry.Info[Any, Any]) -> list[Animal | None] | None:
        return [info.context.value(info.context.animal(id), "some", id) for id in range(4)]

    @strawberry.field
    async def keepers(self, info: strawberry.Info[Any, Any]) -> list["Keeper"]:
        return [info.context.keeper(id) for id in range(KEEPERS)]

    @strawberry.field
    def named(self, info: strawberry.Info[Any, Any]) -> list[Named | None]:
        return [info.context.animal(1), None, info.context.keeper(2)]

    grazing: list[Animal] | None = root_edge(
        grazing, takes=(argument("first", int | None, "How many.", 2),), description="A list."
    )
    boss: Keeper = root_edge(bosses, description="Must not be null.")

    @strawberry.field
    def liked(
        self, info: strawberry.Info[Any, Any]
    ) -> Annotated[Animal | Keeper, strawberry.union("Liked")] | None:
        return info.context.keeper(1)  # type: ignore[no-any-return]

    @strawberry.field
    def streamed(self, info: strawberry.Info[Any, Any]) -> list[Animal]:
        return (info.context.animal(id) for id in range(3))  # type: ignore[return-value]


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def move(self, info: strawberry.Info[Any, Any], number: int) -> Animal | None:
        info.context.writes += 1
        info.context.reader.renew(None, START)
        return info.context.animal(number)  # type: ignore[no-any-return]


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def seen(self, info: strawberry.Info[Any, Any]) -> AsyncIterator[Animal]:
        for number in range(3):
            info.context.reader.renew(None, START)
            yield info.context.animal(number)


zoo: Final = strawberry.Schema(
    Query,
    Mutation,
    Subscription,
    types=[Animal, Keeper],
    execution_context_class=Eager,
    config=StrawberryConfig(scalar_map={Shout: SHOUT}),
)
