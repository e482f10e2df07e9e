# SPDX-License-Identifier: Apache-2.0
"""task run: what PARAMETER=VALUE and --config say."""

from __future__ import annotations

import pytest

from debvisor_timers.errors import UsageError
from debvisor_timers.jobs.task_types import TaskType
from debvisor_timers.operations.runs.task_run import Wanted, config_of

KNOWN = TaskType.model_validate(
    {
        "handler": "m:f",
        "parameters": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "name": {"type": "string"},
                "vm": {"type": ["string", "array"]},
                "span": {"type": ["string", "integer"]},
                "count": {"type": "integer"},
                "all": {"type": "boolean"},
                "more": {"type": "object"},
            },
        },
    }
)


@pytest.mark.parametrize(
    ("settings", "config", "expected"),
    [
        (["name=7", "count=7", "all=true"], "", {"name": "7", "count": 7, "all": True}),
        (["vm=7"], "", {"vm": "7"}),
        (['vm=["a", "b=c"]', "name=[a"], "", {"vm": ["a", "b=c"], "name": "[a"}),
        (["span=10", "name="], "", {"span": 10, "name": ""}),
        (["name=a=$b"], '{"name": "c", "more": {"d": 1}}', {"name": "a=$b", "more": {"d": 1}}),
    ],
)
def test_values_are_what_their_parameters_take(
    settings: list[str], config: str, expected: dict[str, object]
) -> None:
    wanted = Wanted(task_type="t", settings=settings, config=config)
    assert config_of(KNOWN, wanted) == expected


@pytest.mark.parametrize(
    ("settings", "config", "message"),
    [
        (["nmae=a"], "", "unknown parameter 'nmae'; did you mean 'name'?"),
        (["count=a"], "", "count: 'a' is not a whole number"),
        (["name"], "", "'name' is no parameter"),
        (["vm=[a"], "", "is no JSON"),
        ([], "[1]", "--config is no mapping"),
        ([], "{", "--config is no JSON"),
    ],
)
def test_what_cannot_be_is_named(settings: list[str], config: str, message: str) -> None:
    with pytest.raises(UsageError) as failure:
        config_of(KNOWN, Wanted(task_type="t", settings=settings, config=config))
    assert message in str(failure.value)
