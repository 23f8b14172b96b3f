from tests.http.conftest import stage

__all__ = ["stage"]
