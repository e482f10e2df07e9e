# SPDX-License-Identifier: Apache-2.0
"""Metrics in Prometheus's text format."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from debvisor_timers.history.totals import BOUNDS, Durations
from debvisor_timers.operations.measuring.metric_table import TABLE, Metric, MetricType
from debvisor_timers.operations.measuring.readings import Readings


def exposition(readings: Readings) -> bytes:
    """Return all metrics of a reading, as UTF-8.

    Source: Prometheus, EXPOSITION FORMATS, text format 0.0.4.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Reader(readings))
    return generate_latest(registry)


class _Reader(Collector):
    """Tells the library what was read; nothing is counted in this process."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def collect(self) -> Iterator[Family]:
        for metric in TABLE:
            family = _family(metric, self._readings)
            if family.samples:
                yield family


def _family(metric: Metric, readings: Readings) -> Family:
    if metric.type is MetricType.HISTOGRAM:
        return _histogram(metric, readings)
    of_type = CounterMetricFamily if metric.type is MetricType.COUNTER else GaugeMetricFamily
    family = of_type(metric.name, metric.help, labels=metric.labels)
    for labels, value in metric.samples(readings):
        if not isinstance(value, Durations):
            family.add_metric(_plain(labels), value)
    return family


def _histogram(metric: Metric, readings: Readings) -> Family:
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    bounds = [*(f"{bound:.1f}" for bound in BOUNDS), "+Inf"]
    for labels, value in metric.samples(readings):
        if isinstance(value, Durations):
            buckets = list(zip(bounds, map(float, value.counts), strict=True))
            family.add_metric(_plain(labels), buckets=buckets, sum_value=value.sum)
    return family


def _plain(labels: tuple[str, ...]) -> list[str]:
    """Return labels that UTF-8 can hold, and that no reader of the format takes for its end."""
    return [label.encode("utf-8", "replace").decode().replace("\0", "�") for label in labels]
