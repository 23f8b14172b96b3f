"""Measurements behind the decisions in docs/adr."""
