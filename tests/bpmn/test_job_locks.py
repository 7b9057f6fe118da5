"""Locks of jobs: who may complete one, who may give it back, and when a lock expires (contracts/engine.md 2.5)."""

from datetime import timedelta

import pytest

from commands.intents import EntityId
from commands.job_locks import ExpireLocksOf, LockJobsOf, UnlockJobsOf
from commands.jobs import CompleteJob
from domain.bpmn.events import WorkState
from domain.rejection import InvalidState
from tests.bpmn.drawing import line, process
from tests.story import Story

ONE_TASK = process(line("s:startEvent>work:serviceTask>e:endEvent"))


def locked(timeout: str = "") -> Story:
    story = Story(ONE_TASK)
    lock(story, timeout)
    return story


def lock(story: Story, timeout: str = "", by: str = "worker") -> list[WorkState]:
    answers = story.stage.send(LockJobsOf(story.identity, (story.job_at("work").id,), timeout), by=by)
    return [answer.state for answer in answers]


def expire(story: Story) -> list[WorkState]:
    answers = story.stage.send(ExpireLocksOf(story.identity, (story.job_at("work").id,)), by="engine")
    return [answer.state for answer in answers]


def unlock(story: Story, by: str = "worker") -> list[WorkState]:
    answers = story.stage.send(UnlockJobsOf(story.identity, (story.job_at("work").id,)), by=by)
    return [answer.state for answer in answers]


def complete(story: Story, by: str) -> None:
    target = EntityId(story.identity.partition, story.job_at("work").id)
    story.stage.send(CompleteJob(worker_id=by), target, by)


def test_a_lock_holds_for_ever_unless_a_time_is_given() -> None:
    story = locked()
    story.stage.passes(timedelta(days=30))
    assert expire(story) == []
    assert lock(story, by="other") == []


def test_a_lock_expires_after_its_time_and_not_before() -> None:
    story = locked("PT1M")
    story.stage.passes(timedelta(seconds=50))
    assert expire(story) == []
    story.stage.passes(timedelta(seconds=10))
    assert expire(story) == [WorkState.CREATED]
    assert lock(story, by="other") == [WorkState.LOCKED]


def test_who_held_an_expired_lock_completes_the_job_no_more() -> None:
    story = locked("PT1M")
    story.stage.passes(timedelta(minutes=1))
    expire(story)
    with pytest.raises(InvalidState, match="is not locked"):
        complete(story, "worker")
    lock(story, by="other")
    with pytest.raises(InvalidState, match="is not locked by worker worker, but other"):
        complete(story, "worker")
    complete(story, "other")
    story.has_ended()


def test_a_worker_that_reports_in_the_moment_before_its_lock_is_taken_away_is_heard() -> None:
    story = locked("PT1M")
    story.stage.passes(timedelta(hours=1))
    complete(story, "worker")
    story.has_ended()


def test_only_who_holds_a_lock_gives_it_back() -> None:
    story = locked()
    assert unlock(story, by="other") == []
    assert unlock(story) == [WorkState.CREATED]
    assert unlock(story) == []


def test_an_expired_lock_costs_no_retry() -> None:
    story = locked("PT1M")
    story.stage.passes(timedelta(minutes=1))
    expire(story)
    assert (story.job_at("work").retry_count, story.names().count("JobLockExpired")) == (0, 1)
