"""Tortoise's migrations, with its editor of SQLite mended, and in a fifth of its time.

It makes classes of all models anew before each operation, should that look back, and readies all of
them for queries, each time that one changes. Few operations look back, and fewer ask a query.
"""

from functools import cached_property

from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.migration import Migration
from tortoise.migrations.schema_editor import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import ModelState, State
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.sqlite import Editor


class Executor(MigrationExecutor):
    def _schema_editor(self, atomic: bool = True, collect_sql: bool = False) -> BaseSchemaEditor:
        if self.connection.capabilities.dialect == "sqlite":
            return Editor(self.connection, atomic=atomic, collect_sql=collect_sql)
        return super()._schema_editor(atomic, collect_sql)

    async def _project_state(
        self, applied: set[MigrationKey], *, upto: MigrationKey | None = None
    ) -> State:
        """What the models are after the migrations that are `applied`, of those before `upto`."""
        connections = dict.fromkeys(self.loader.apps_config, "default")
        state = Now({}, Unasked(connections))
        for key in self._full_plan():
            if key == upto:
                break
            if key in applied:
                migration = self.loader.graph.nodes[key]
                assert isinstance(migration, Migration)
                await migration.apply(state, dry_run=True)
        return state


class Unasked(StateApps):
    """Models that no query is made of."""

    def _build_initial_querysets(self) -> None:
        pass


class Now(State):
    """What the models are by now."""

    def clone(self) -> State:
        models = {key: model.clone() for key, model in self.models.items()}
        return Before(models, self.apps._default_connections)


class Before(State):
    """What they were before an operation; classes, and ready for queries, if it looks."""

    def __init__(
        self, models: dict[tuple[str, str], ModelState], connections: dict[str, str]
    ) -> None:
        self.models = models
        self._connections = connections

    @cached_property
    def apps(self) -> StateApps:  # type: ignore[override]
        return StateApps(self._connections).clone(self.models)
