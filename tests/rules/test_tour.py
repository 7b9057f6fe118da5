"""The tour in README.md shows what one sees who takes it."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.rules import tour


@pytest.mark.skipif(shutil.which("curl") is None, reason="the tour asks with curl")
def test_the_tour_prints_what_the_readme_says(open_directory: Path) -> None:
    folder = open_directory / "tour"
    tour.lay_out(folder, Path(sys.executable).with_name("annals"))
    with tour.serving(folder) as (said, port):
        assert tour.without_the_moment(said) == tour.without_the_moment(tour.steps(server=True)[0].output)
        printed = tour.run(folder, port)
    for step, output in zip(tour.steps(), printed, strict=True):
        assert tour.without_the_moment(output) == tour.without_the_moment(step.output), step.script
