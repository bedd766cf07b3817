"""Reads the metrics of a server."""

from __future__ import annotations

import httpx
from prometheus_client.parser import text_string_to_metric_families

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Scrape:
    """The samples of one scrape, by name and labels."""

    def __init__(self, text: str) -> None:
        self.samples: Samples = {}
        self.types: dict[str, str] = {}
        for family in text_string_to_metric_families(text):
            assert family.name not in self.types, f"{family.name} is there twice"
            assert family.documentation, family.name
            self.types[family.name] = family.type
            for sample in family.samples:
                key = sample.name, tuple(sorted(sample.labels.items()))
                assert key not in self.samples, f"{key} is there twice"
                self.samples[key] = sample.value

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels; 0 if there is none."""
        wanted = set(labels.items())
        return sum(value for (found, of), value in self.samples.items() if found == name and wanted <= set(of))

    def values(self, name: str, label: str) -> set[str]:
        """The values of a label."""
        return {dict(labels)[label] for found, labels in self.samples if found == name}

    def counters(self) -> Samples:
        """The samples that never fall."""
        return {key: value for key, value in self.samples.items() if key[0].endswith(("_total", "_count", "_bucket"))}


def scrape(http: httpx.Client) -> Scrape:
    response = http.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain")
    return Scrape(response.text)
