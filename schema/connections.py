"""Connections: a page of a list and what is around it, as Relay has them."""

from collections.abc import Sequence
from inspect import Parameter
from typing import Any, ClassVar, Generic, Self, TypeVar

import strawberry

from resolvers.reading.pages import Page
from resolvers.reading.windows import Scope
from schema.edges import argument, wrapped, wraps
from schema.execution.declared import INLINE, Inline

T = TypeVar("T")


@strawberry.type(description="What is around a page.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether the list goes on behind it.")
    has_previous_page: bool = strawberry.field(description="Whether there is something before it.")
    start_cursor: str | None = strawberry.field(description="The cursor of its first row.")
    end_cursor: str | None = strawberry.field(description="The cursor of its last row.")


@strawberry.type(description="A row and where it stands.")
class Edge(Generic[T]):
    page: strawberry.Private[Page[Any]]
    row: strawberry.Private[Any]

    @strawberry.field(description="The row.", metadata={INLINE: Inline("{0}", wrapped)})
    def node(self) -> T:
        node: T = wrapped(self.row)
        return node

    @strawberry.field(
        description="Where it stands: send it as `after` or `before`.",
        metadata={INLINE: Inline("[page.cursor(row) for page, row in zip({1}, {0}, strict=True)]")},
    )
    def cursor(self) -> str:
        return self.page.cursor(self.row)


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    __reads__: ClassVar = "page"

    page: strawberry.Private[Page[Any]]

    @strawberry.field(
        description="The rows of the page, in order.", metadata={INLINE: Inline("{0.rows}")}
    )
    def edges(self) -> list[Edge[T]]:
        return [Edge(page=self.page, row=row) for row in self.page.rows]

    @strawberry.field(
        description="All rows that match, on every page; counted only when asked for.",
        metadata={INLINE: Inline("{0.total}")},
    )
    def total_count(self) -> int:
        return self.page.total

    @strawberry.field(description="What is around the page.")
    def page_info(self) -> PageInfo:
        page = self.page
        ends = (page.rows[0], page.rows[-1]) if page.rows else ()
        start, end = (page.cursor(row) for row in ends) if ends else (None, None)
        return PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=start,
            end_cursor=end,
        )

    @classmethod
    def of(cls, page: Page[Any]) -> Self:
        return cls(page=page)


wraps(Page, Connection.of)

PAGED: Sequence[Parameter] = (
    argument("first", int | None, "How many from the start, up to 200; 50 if neither is given."),
    argument("after", str | None, "Only what stands behind this cursor."),
    argument("last", int | None, "How many from the end, up to 200."),
    argument("before", str | None, "Only what stands before this cursor."),
)


def paged(filter: Any = None, order: Any = None, scope: Scope | None = None) -> Sequence[Parameter]:
    """The arguments of a list."""
    takes = [*PAGED]
    if scope is not None:
        takes.append(scoped(scope))
    if filter is not None:
        takes.append(argument("filter", filter | None, "Only these."))
    if order is not None:
        takes.append(argument("order_by", order | None, "In this order."))
    return takes


def scoped(default: Scope) -> Parameter:
    return argument("scope", Scope | None, "Of which companies.", default)
