# SPDX-License-Identifier: Apache-2.0
"""The alert rules and the dashboard among the examples: they name metrics that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from debvisor_timers.history.outcome import RunOutcome, Trigger
from debvisor_timers.history.skip_cause import SkipCause
from debvisor_timers.operations.auditing.applies import RESULTS
from debvisor_timers.operations.measuring.metric_table import TABLE, MetricType

EXAMPLES = Path(__file__).parents[2] / "examples"
PAGE = Path(__file__).parents[2] / "docs" / "debvisor-timers-metrics.7.scd"
ALERTS = yaml.safe_load((EXAMPLES / "prometheus/alerts.yml").read_text(encoding="utf-8"))
TESTS = yaml.safe_load((EXAMPLES / "prometheus/alerts.test.yml").read_text(encoding="utf-8"))
DASHBOARD = json.loads((EXAMPLES / "grafana/debvisor-timers.json").read_text(encoding="utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]

SERIES = {
    name: (*metric.labels, *(("le",) if name.endswith("_bucket") else ()))
    for metric in TABLE
    for name in (
        [f"{metric.name}{end}" for end in ("_bucket", "_count", "_sum")]
        if metric.type is MetricType.HISTOGRAM
        else [metric.name]
    )
}
VALUES = {
    "outcome": set(map(str, RunOutcome)),
    "trigger": set(map(str, Trigger)),
    "reason": set(map(str, SkipCause)),
    "result": set(RESULTS),
}


def dashboard_queries(value: Any = DASHBOARD) -> Iterator[str]:
    """Yield every text of the dashboard that Prometheus is asked."""
    if isinstance(value, dict):
        for key, below in value.items():
            if key in {"expr", "definition"} and isinstance(below, str):
                yield below
            else:
                yield from dashboard_queries(below)
    elif isinstance(value, list):
        for each in value:
            yield from dashboard_queries(each)


QUERIES = [*(rule["expr"] for rule in RULES), *dashboard_queries()]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_names_metrics_that_there_are(query: str) -> None:
    names = re.findall(r"\bdebvisor_\w+", query)

    assert names
    assert set(names) <= SERIES.keys()


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_names_labels_and_values_that_a_metric_has(query: str) -> None:
    for name, matchers in re.findall(r"\b(debvisor_\w+)\{([^}]*)\}", query):
        for label, values in re.findall(r'(\w+)=~?"([^"]*)"', matchers):
            assert label in {*SERIES[name], "instance"}
            if not values.startswith("$"):
                assert set(values.split("|")) <= VALUES[label], values


def test_the_tests_of_the_rules_feed_series_that_there_are() -> None:
    for test in TESTS["tests"]:
        for series in test["input_series"]:
            name, labels = re.fullmatch(r"(\w+)\{(.*)\}", series["series"]).groups()  # type: ignore[union-attr]
            told = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            assert set(told) == {*SERIES[name], "instance"}


def test_every_alert_is_tried_and_says_what_to_do() -> None:
    tried = {
        case["alertname"]
        for test in TESTS["tests"]
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }

    assert [rule["alert"] for rule in RULES if rule["alert"] not in tried] == []
    for rule in RULES:
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert rule["annotations"].keys() == {"summary", "description"}


def test_commands_that_alerts_name_exist() -> None:
    from debvisor_timers.cli.main import COMMANDS  # noqa: PLC0415

    texts = " ".join(rule["annotations"]["description"] for rule in RULES)
    named = re.findall(r"debvisor-timers ([a-z]+)", texts)

    assert len(named) >= 10
    assert set(named) <= set(COMMANDS)


def test_the_panels_of_the_dashboard_have_their_own_ids_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len({panel["id"] for panel in panels}) == len(panels) >= 10
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    assert DASHBOARD["schemaVersion"] >= 36
    assert DASHBOARD["id"] is None


def test_the_dashboard_asks_the_source_that_was_chosen() -> None:
    uids = set(re.findall(r'"uid": "([^"]*)"', json.dumps(DASHBOARD)))

    assert uids == {"${datasource}", "-- Grafana --", "debvisor-timers"}


def test_every_metric_stands_in_the_page_once_with_its_labels() -> None:
    text = PAGE.read_text(encoding="utf-8").replace("\\", "")
    told = re.findall(r"^\*(debvisor_timers_\w+)\* \((\w+)(?:, by ([^)]*))?\)$", text, re.MULTILINE)

    rows = [(name, type_, tuple(re.findall(r"_(\w+)_", labels))) for name, type_, labels in told]
    assert rows == [(metric.name, str(metric.type), metric.labels) for metric in TABLE]


def test_every_reason_of_skips_stands_in_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8").replace("\\", "")

    assert [cause for cause in SkipCause if f"*{cause}*" not in text] == []


def test_names_follow_the_conventions() -> None:
    for metric in TABLE:
        assert re.fullmatch(r"debvisor_timers_[a-z][a-z0-9_]*", metric.name)
        assert metric.name.endswith("_total") is (metric.type is MetricType.COUNTER)
        assert metric.help.endswith(".")
        # Prometheus gives each series these: it would rename ours.
        assert not {"job", "instance", "le"} & set(metric.labels)
