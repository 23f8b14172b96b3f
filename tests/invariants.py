"""What must always hold, as `canopy verify` asks it, of rows that tests have made."""

from datetime import datetime
from functools import reduce
from itertools import combinations
from operator import or_
from typing import Final

from models import invariants
from models.licenses import License, LicenseStatus, has_status

FACTORIES_DO_NOT: Final = frozenset({"as many licenses were written down as assigned as there are"})
"""Rules about what operations write down, which rows made by factories skip."""


async def breaches(now: datetime) -> dict[str, list[str]]:
    """What does not hold at `now`, and for which ids; empty when all is well."""
    found = await invariants.breaches(now)
    found = {rule: ids for rule, ids in found.items() if rule not in FACTORIES_DO_NOT}
    if wrong := await _miscounted(now):
        found["available + allocated + expired = total, at every scope"] = wrong
    return found


async def _miscounted(now: datetime) -> list[str]:
    """Licenses that counts would hold twice, or not at all: of each there is one status."""
    each = [has_status(status, now) for status in LicenseStatus]
    twice = reduce(or_, (one & other for one, other in combinations(each, 2)))
    wrong = License.filter(~reduce(or_, each) | twice)
    return [str(id) for id in await wrong.values_list("id", flat=True)]
