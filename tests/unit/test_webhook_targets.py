"""Where deliveries may go is told from what is connected to, whatever the host of a URL looks like."""

import pytest

from infra.delivery.targets import TargetRefused, Targets


@pytest.fixture
def targets() -> Targets:
    return Targets((443, 8443), ("receiver.internal", "10.0.0.1:9000", "xn--mnchen-3ya.internal"))


@pytest.mark.parametrize("host", ["xn--", "xn--a", "a.xn--zz-", "xn--" + "9" * 60])
def test_a_host_that_is_no_international_name_is_judged_and_breaks_nothing(targets: Targets, host: str) -> None:
    assert not targets.target(f"https://{host}/").private
    with pytest.raises(TargetRefused):
        targets.target(f"http://{host}/")


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("http://RECEIVER.internal:81/", True),
        ("http://10.0.0.1:9000/", True),
        ("http://xn--mnchen-3ya.internal/", True),
        ("https://xn--mnchen-3ya.example/", False),
        ("https://receiver.internal.example/", False),
    ],
)
def test_private_are_the_hosts_that_are_named(targets: Targets, url: str, *, private: bool) -> None:
    assert targets.target(url).private is private


@pytest.mark.parametrize("url", ["http://10.0.0.1:9001/", "https://10.0.0.1:9001/", "https://a:8444/", "https://a:0/"])
def test_nowhere_else_but_to_the_ports_that_are_allowed(targets: Targets, url: str) -> None:
    with pytest.raises(TargetRefused):
        targets.target(url)
