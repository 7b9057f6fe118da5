"""Texts of incidents can be shown anywhere, and kept by PostgreSQL, whoever wrote them (contracts/incidents.md 0.5)."""

import sys
import unicodedata

import pytest

from commands.inbound_alerts import AlertAnswer, RaiseAlert
from domain.bpmn.events import JobFailed
from domain.identity import incident_stream
from domain.incidents.events import IncidentOpened, IncidentRecurred
from domain.incidents.texts import is_legible, legible
from tests.story import Stage, Story, bpmn

ONE_TASK = bpmn("s:startEvent work:serviceTask e:endEvent", "s>work work>e")


def opened(stage: Stage) -> list[IncidentOpened]:
    return [fact.event for fact in stage.log.facts if isinstance(fact.event, IncidentOpened)]


def test_what_cannot_be_shown_is_every_control_character_but_those_of_lines() -> None:
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        illegible = unicodedata.category(character) in {"Cc", "Cs"} and character not in "\n\r\t"
        assert is_legible(character) is not illegible, hex(number)
        assert legible(f"a{character}b") == ("a b" if illegible else f"a{character}b")


@pytest.mark.parametrize("error", ["\x00", "out of \x00order", "\x1b[31mred", "C1 \x85 too", "bell \x07"])
def test_the_incident_of_a_job_holds_no_control_characters_of_the_worker_s_error(error: str) -> None:
    story = Story(ONE_TASK).fails("work", error=error)
    (event,) = opened(story.stage)
    assert event.error_message == legible(error) != error
    (failed,) = [fact.event for fact in story.stage.log.facts if isinstance(fact.event, JobFailed)]
    assert failed.error == error


def test_a_stack_trace_keeps_its_lines() -> None:
    trace = "Traceback:\r\n\tline 1\n\tline 2"
    (event,) = opened(Story(ONE_TASK).fails("work", error=trace).stage)
    assert event.error_message == trace


def test_the_title_of_an_incident_holds_no_control_characters_of_an_element_s_name() -> None:
    named = ONE_TASK.replace('id="work"', 'id="work" name="Charge&#x85;the&#x9f;card"')
    assert named != ONE_TASK
    (event,) = opened(Story(named).fails("work").stage)
    assert event.title == "Charge the card failed in p 1"


def test_an_alert_that_nobody_looked_at_brings_no_control_characters() -> None:
    stage = Stage()
    first: AlertAnswer = stage.send(RaiseAlert("custom", "disk-1", "Disk \x00full", "0 bytes\x1b left", 3))
    stage.send(RaiseAlert("custom", "disk-1", "Disk \x00full", "0 bytes\x1b left", 3))
    stage.send(RaiseAlert("custom", "disk-1", "Disk full", "worse\x00", 3))
    facts = [fact.event for fact in stage.log.streams[incident_stream(first.incident)]]
    (event,) = opened(stage)
    assert (event.title, event.error_message) == ("Disk  full", "0 bytes  left")
    assert facts[1:] == [IncidentRecurred(), IncidentRecurred("worse ")]
