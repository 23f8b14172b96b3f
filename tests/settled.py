"""Canopy imported whole, and nothing done yet: what the processes of tests are forked from."""

import app.asgi
import app.cli
import app.demo  # noqa: F401
from app.memory import settle

settle()
