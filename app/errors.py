"""Failures of a command that its user can mend."""


class Failed(Exception):
    """What went wrong, in words for the one who typed the command."""
