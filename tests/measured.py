"""What a server counts, as Prometheus would read it."""

import httpx
from prometheus_client.parser import text_string_to_metric_families


async def refusals(address: str) -> dict[str, float]:
    """How often it has refused until now, by the code that it told."""
    async with httpx.AsyncClient(base_url=address) as http:
        page = (await http.get("/metrics")).text
    return {
        measured.labels["code"]: measured.value
        for family in text_string_to_metric_families(page)
        for measured in family.samples
        if measured.name == "canopy_refusals_total"
    }
