"""API tokens: one, and the list of those of the acting company."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Unpack

from models.access import visible
from models.tokens import ApiToken
from resolvers.reading.filters import Words
from resolvers.reading.pages import Listing
from resolvers.reading.reader import Reader
from resolvers.reading.sql import by_column, rows_with
from resolvers.reading.windows import Asked, Sort, SortDirection
from resolvers.reading.within import Within

API_TOKENS: Final = Listing(
    ApiToken,
    sorts={"CREATED_AT": Sort("created_at")},
    default=("CREATED_AT", SortDirection.DESC),
    words=Words({}),
)


async def api_token_by_id(reader: Reader, ids: Sequence[Any]) -> Mapping[Any, ApiToken]:
    return by_column(await rows_with(visible(ApiToken, reader.caller), "id", ids))


async def api_tokens(
    reader: Reader, keys: Sequence[Any], **asked: Unpack[Asked]
) -> Mapping[Any, Any]:
    return await API_TOKENS.pages(reader, keys, Within("apiTokens"), asked)
