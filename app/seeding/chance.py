"""Chance with a seed: ids, labels, instants and names, the same ones each time."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

from models.companies import LABEL_ALPHABET, LABEL_LENGTH
from models.orders import NUMBER_ALPHABET

T = TypeVar("T")

FIRST: Final = (
    *("Alder", "Amber", "Anchor", "Arbor", "Aspen", "Beacon", "Birch", "Bridge", "Cedar", "Clover"),
    *("Copper", "Coral", "Crest", "Delta", "Dune", "Elm", "Ember", "Falcon", "Fern", "Fjord"),
    *("Glade", "Granite", "Harbor", "Hazel", "Heron", "Iris", "Ivy", "Juniper", "Kestrel", "Lark"),
    *("Linden", "Maple", "Marble", "Meadow", "Nimbus", "North", "Oak", "Orchard", "Osprey", "Pine"),
    *("Quarry", "Raven", "Ridge", "River", "Rowan", "Sable", "Sage", "Silver", "Summit", "Willow"),
)
TRADES: Final = (
    ("Logistics", "Transport"),
    ("Clinic", "Health care"),
    ("Architects", "Construction"),
    ("Foods", "Food"),
    ("Energy", "Utilities"),
    ("Insurance", "Insurance"),
    ("Hotels", "Hospitality"),
    ("Schools", "Education"),
    ("Motors", "Automotive"),
    ("Print", "Media"),
    ("Pharma", "Health care"),
    ("Legal", "Legal services"),
    ("Steel", "Manufacturing"),
    ("Textiles", "Manufacturing"),
    ("Bank", "Finance"),
    ("Farms", "Agriculture"),
)
CHANNEL: Final = (
    *(("IT", "IT services"), ("Systems", "IT services"), ("Networks", "IT services")),
    *(("Security", "IT services"), ("Consulting", "Consulting"), ("Cloud", "IT services")),
)
PLACES: Final = (
    *(("Ghent", "BE", "nl"), ("Leuven", "BE", "nl"), ("Lyon", "FR", "fr"), ("Nantes", "FR", "fr")),
    *(("Bremen", "DE", "de"), ("Ulm", "DE", "de"), ("Graz", "AT", "de"), ("Basel", "CH", "de")),
    *(("Leeds", "GB", "en"), ("Bath", "GB", "en"), ("Cork", "IE", "en"), ("Porto", "PT", "pt")),
    *(("Turin", "IT", "it"), ("Parma", "IT", "it"), ("Bilbao", "ES", "es"), ("Cadiz", "ES", "es")),
    *(("Malmö", "SE", "sv"), ("Bergen", "NO", "nb"), ("Turku", "FI", "fi"), ("Gdynia", "PL", "pl")),
)
GIVEN: Final = (
    *("Ana", "Ben", "Chloe", "Dev", "Ella", "Farid", "Gwen", "Hugo", "Ines", "Jan", "Kira", "Leo"),
    *("Maya", "Noah", "Olga", "Pablo", "Quinn", "Rosa", "Sami", "Tara", "Umut", "Vera", "Wim"),
    *("Xenia", "Yara", "Zoe", "Amir", "Bea", "Carl", "Dina", "Emil", "Frida", "Goran", "Hana"),
    *("Ivo", "Jana", "Karl", "Lena", "Milo", "Nora", "Oskar", "Petra", "Rafael", "Sofia", "Timo"),
)
FAMILY: Final = (
    *(
        "Adler",
        "Brandt",
        "Costa",
        "Dubois",
        "Egger",
        "Fischer",
        "Garcia",
        "Horvat",
        "Ito",
        "Jansen",
    ),
    *("Kaya", "Lind", "Moreau", "Novak", "Okada", "Pereira", "Quist", "Rossi", "Sato", "Torres"),
    *("Ulrich", "Varga", "Weiss", "Young", "Zeman", "Andersen", "Bakker", "Conti", "Duarte", "Ek"),
    *("Ferrari", "Greco", "Holm", "Ivanov", "Jung", "Keller", "Larsen", "Meyer", "Nilsen", "Ortiz"),
    *("Popescu", "Ramos", "Silva", "Tanaka", "Urban", "Vidal", "Wagner", "Yilmaz", "Zimmer"),
)
DEPARTMENTS: Final = ("Sales", "Finance", "Operations", "IT", "Human Resources", "Legal", None)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_LOW: Final = (1 << 62) - 1


class Firm(NamedTuple):
    """What describes a company."""

    name: str
    domain: str
    industry: str
    country: str
    language: str


class Chance:
    """All that is drawn, from one stream."""

    def __init__(self, seed: int, now: datetime) -> None:
        self.now = now
        self._random = Random(seed)
        self._labels: set[str] = set()
        self._numbers: set[str] = set()
        self._domains = 0
        self.share = self._random.random
        self.below = self._random.randrange
        self.skewed = self._random.paretovariate

    def one_of(self, these: Sequence[T]) -> T:
        return these[int(self.share() * len(these))]

    def happens(self, probability: float) -> bool:
        return self.share() < probability

    def id(self, at: datetime) -> UUID:
        return next(self.ids(at))

    def ids(self, at: datetime) -> Iterator[UUID]:
        """UUIDv7 of that instant, without end."""
        stamp = ((at - _EPOCH) // _MILLISECOND << 80) | (7 << 76) | (2 << 62)
        bits = self._random.getrandbits
        while True:
            drawn = bits(74)
            yield UUID(int=stamp | drawn >> 62 << 64 | drawn & _LOW)

    def days_ago(self, most: float, least: float = 0) -> datetime:
        return self.now - timedelta(days=least + (most - least) * self.share())

    def between(self, start: datetime, end: datetime) -> datetime:
        return start + (end - start) * self.share()

    def hash(self) -> str:
        """As of SHA-256."""
        return f"{self._random.getrandbits(256):064x}"

    def label(self) -> str:
        return self._unused(LABEL_ALPHABET, LABEL_LENGTH, self._labels)

    def number(self) -> str:
        return "ORD-" + self._unused(NUMBER_ALPHABET, 8, self._numbers)

    def _unused(self, alphabet: str, length: int, used: set[str]) -> str:
        while True:
            text = "".join(self._random.choices(alphabet, k=length))
            if text not in used:
                used.add(text)
                return text

    def firm(self, trades: Sequence[tuple[str, str]]) -> Firm:
        trade, industry = self.one_of(trades)
        town, country, language = self.one_of(PLACES)
        name = f"{self.one_of(FIRST)} {trade} {town}"
        self._domains += 1
        site = f"{name.split(maxsplit=1)[0]}-{trade}-{self._domains}.example".lower()
        return Firm(name, site, industry, country, language)

    def person(self, domain: str, number: int) -> tuple[str, str, str]:
        """Given name, family name and address; `number` keeps apart who is called alike."""
        given, family = self.one_of(GIVEN), self.one_of(FAMILY)
        return given, family, f"{given}.{family}.{number}@{domain}".lower()


def shares(total: int, weights: Sequence[float]) -> list[int]:
    """`total` in whole parts, by weight."""
    sums = list(accumulate(weights))
    ends = [round(total * part / sums[-1]) for part in sums] if sums and sums[-1] else []
    return [end - start for start, end in zip([0, *ends], ends, strict=False)] or [0] * len(weights)
