"""Roles say how they do; who promised to say something and says nothing stands still."""

from datetime import UTC, datetime, timedelta

from infra.duties import Duties, DutyReport

BEGAN = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Wall:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.shows = BEGAN

    def __call__(self) -> datetime:
        return self.shows

    def pass_(self, seconds: float) -> datetime:
        self.shows += timedelta(seconds=seconds)
        return self.shows


def test_a_role_goes_on_from_the_beginning_until_it_says_otherwise() -> None:
    wall = Wall()
    duties = Duties(wall)
    duty = duties.of("executor")
    wall.pass_(5)
    assert duties.reports() == [DutyReport("executor", "going", BEGAN)]
    stood = wall.pass_(5)
    duty.stands("an event cannot be read")
    wall.pass_(5)
    duty.stands("another event cannot be read")
    assert duties.reports() == [DutyReport("executor", "standing", stood, "another event cannot be read")]
    went_on = wall.pass_(5)
    duty.goes_on()
    wall.pass_(5)
    duty.goes_on()
    assert duties.reports() == [DutyReport("executor", "going", went_on)]


def test_what_another_node_does_may_be_silent_here() -> None:
    wall = Wall()
    duties = Duties(wall)
    duty = duties.of("rules", patience=10)
    duty.is_elsewhere()
    left = wall()
    wall.pass_(1_000)
    duty.is_elsewhere()
    assert duties.reports() == [DutyReport("rules", "elsewhere", left)]


def test_silence_beyond_patience_is_standing_still_since_the_last_word() -> None:
    wall = Wall()
    duties = Duties(wall)
    duty = duties.of("rules", patience=10)
    last = wall.pass_(5)
    duty.goes_on()
    wall.pass_(10)
    assert [report.state for report in duties.reports()] == ["going"]
    wall.pass_(1)
    assert duties.reports() == [DutyReport("rules", "standing", last, "it gives no sign of life")]
    duty.goes_on()
    assert [report.state for report in duties.reports()] == ["going"]
