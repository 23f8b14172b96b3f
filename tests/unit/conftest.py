"""Rules are tested without a database; Tortoise has only to know how the tables refer."""

from tortoise import Tortoise

Tortoise.init_models(["models.registry"], "models")
