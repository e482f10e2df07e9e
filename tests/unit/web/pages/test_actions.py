# SPDX-License-Identifier: Apache-2.0
"""The buttons: forms that work without any script."""

from __future__ import annotations

import pytest
from fastapi import Request
from fastapi.testclient import TestClient

from debvisor_timers.history.audit import AuditResult
from debvisor_timers.operations.auditing.audit_read import AuditFilter
from debvisor_timers.scheduler import Scheduler
from debvisor_timers.web.principal import Principal
from tests.unit.operations.last_runs import FAILED_AT_TWO, note_last
from tests.unit.operations.world import TWO
from tests.unit.web.pages.conftest import browser
from tests.unit.web.served import RoleAuthenticator, Served


class SessionAuthenticator(RoleAuthenticator):
    """As if the role had come by a cookie."""

    async def identify(self, request: Request) -> Principal | None:
        request.state.csrf = "of-this-session"
        return await super().identify(request)


@pytest.fixture
def session(served: Served) -> TestClient:
    served.app.state.authenticator = SessionAuthenticator()
    served.world.apply(TWO)
    return browser(served, "operator")


def test_run_starts_the_job_and_leads_back(served: Served, operator: TestClient) -> None:
    served.world.apply(TWO)

    answer = operator.post("/jobs/nightly/run", data={"back": "/?q=night"})

    assert answer.status_code == 303
    assert answer.headers["location"] == "/?q=night&done=run"
    assert served.world.ran() == ["debvisor-job-nightly.service"]
    assert "Started." in operator.get("/?done=run").text


def test_pause_and_resume(served: Served, operator: TestClient) -> None:
    served.world.apply(TWO)

    operator.post("/jobs/nightly/pause")
    paused = operator.get("/jobs/nightly").text
    operator.post("/jobs/nightly/resume")
    resumed = operator.get("/jobs/nightly").text

    assert 'formaction="/jobs/nightly/resume"' in paused
    assert 'formaction="/jobs/nightly/pause"' not in paused
    assert 'formaction="/jobs/nightly/pause"' in resumed


def test_skip_and_take_that_back(served: Served, operator: TestClient) -> None:
    served.world.apply(TWO)

    operator.post("/jobs/nightly/skip")
    assert "skips next" in operator.get("/jobs/nightly").text
    operator.post("/jobs/nightly/unskip")
    assert "skips next" not in operator.get("/jobs/nightly").text


def test_to_stop_what_does_not_run_is_told(served: Served, operator: TestClient) -> None:
    served.world.apply(TWO)

    answer = operator.post("/jobs/nightly/stop")

    assert answer.headers["location"] == "/jobs/nightly?done=not-running"


@pytest.mark.parametrize("verb", ["run", "stop", "pause", "resume", "skip", "unskip", "retry"])
def test_a_viewer_may_do_none_of_it(served: Served, viewer: TestClient, verb: str) -> None:
    served.world.apply(TWO)

    answer = viewer.post(f"/jobs/nightly/{verb}")

    assert answer.status_code == 403
    assert "this needs the role operator" in answer.text.lower()
    assert served.world.ran() == []


@pytest.mark.parametrize("job_id", ["nope", "a%00b", "%ff", "-x", "A"])
@pytest.mark.parametrize("verb", ["run", "stop", "pause", "resume", "skip", "unskip", "retry"])
def test_no_button_works_on_a_job_that_is_not_there(
    served: Served, operator: TestClient, verb: str, job_id: str
) -> None:
    served.world.apply(TWO)

    assert operator.post(f"/jobs/{job_id}/{verb}").status_code == 404


def test_a_refusal_is_a_page_that_says_how_to_mend_it(served: Served, operator: TestClient) -> None:
    served.world.apply(TWO)

    answer = operator.post("/jobs/nightly/retry")

    assert answer.status_code in {404, 409}
    assert "<html" in answer.text


def test_the_audit_knows_who_pressed_it(served: Served, operator: TestClient) -> None:
    served.world.apply(TWO)
    operator.post("/jobs/nightly/run")

    (newest, *_) = Scheduler(served.world.host).audit(AuditFilter(verb="run"))

    assert newest.event.caller.token == "a-operator"
    assert newest.event.result is AuditResult.DONE


def test_a_form_of_another_site_is_refused(served: Served, session: TestClient) -> None:
    for data in ({}, {"csrf": "guessed"}):
        answer = session.post("/jobs/nightly/run", data=data)

        assert answer.status_code == 403
        assert "another site" in answer.text
    assert served.world.ran() == []


def test_a_form_of_ours_has_what_it_needs(served: Served, session: TestClient) -> None:
    html = session.get("/").text
    assert '<input type="hidden" name="csrf" value="of-this-session">' in html

    answer = session.post("/jobs/nightly/run", data={"csrf": "of-this-session"})

    assert answer.status_code == 303
    assert served.world.ran() == ["debvisor-job-nightly.service"]


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_nobody_is_led_to_another_site(served: Served, operator: TestClient, back: str) -> None:
    served.world.apply(TWO)

    answer = operator.post("/jobs/nightly/pause", data={"back": back})

    assert answer.headers["location"] == "/jobs/nightly?done=pause"


def test_a_link_cannot_put_words_into_the_page(operator: TestClient) -> None:
    assert 'role="status"' not in operator.get("/?done=Your+host+is+on+fire").text


def test_a_failed_run_can_be_retried_from_its_alert(served: Served, operator: TestClient) -> None:
    served.world.apply(TWO)
    note_last(served.world, "nightly", FAILED_AT_TWO)

    assert 'formaction="/jobs/nightly/retry"' in operator.get("/").text
