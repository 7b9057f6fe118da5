"""``annals demo``: what a new user sees first works, is true, and says so when it is not."""

import json
import re
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from tests.e2e.command_line import PATIENCE, annals, environment, started

TAMPERED = """
import api.cli.demonstration as demonstration
asked = demonstration.ask

async def ask(client):
    views = await asked(client)
    views.versions[0]["incidentCount"] += 1
    return views

demonstration.ask = ask
from api.cli import main
main(["demo"], prog_name="annals")
"""


def leftovers() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("annals-demo-*"))


def test_the_demo_ends_in_five_views_whose_figures_agree_and_leaves_nothing_behind() -> None:
    before = leftovers()
    ended = annals("demo")
    assert (ended.code, ended.err) == (0, "")
    for view in ("heatmap", "incident-version-graph", "incidents-table", "incidents-graph", "total-counts"):
        assert f"GET /incidents/{view}?processKey=order-fulfilment" in ended.out
    assert "The figures agree" in ended.out
    assert "✗" not in ended.out
    counted = re.search(r"all incidents +(\d+): ", ended.out)
    assert counted is not None
    assert int(counted[1]) > 20
    assert re.search(r"Book carrier +\d+ +\d+ +\d+ +▓+", ended.out), "resolved incidents have a bar"
    assert re.search(r"Send invoice +\d+ +\d+ +\d+ +█+", ended.out), "active incidents have a bar"
    assert leftovers() == before


def test_the_demo_fails_when_a_figure_disagrees() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", TAMPERED],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 1
    assert "The figures do not agree" in ended.stdout
    assert "✗" in ended.stdout
    assert "Traceback" not in ended.stderr


def test_with_keep_the_urls_it_prints_are_answered_until_it_is_stopped(open_directory: Path) -> None:
    with started("demo", "--keep", data_dir=open_directory / "kept") as process:
        assert process.stdout is not None
        said: list[str] = []
        for line in iter(process.stdout.readline, ""):
            said.append(line)
            if "Serving until Ctrl-C" in line:
                break
        text = "".join(said)
        key = re.search(r"export KEY=(\S+)", text)
        urls = re.findall(r"curl -H \"X-API-Key: \$KEY\" '(\S+)'", text)
        assert key is not None
        assert len(urls) == 5
        for url in urls:
            request = urllib.request.Request(url, headers={"X-API-Key": key[1]})  # noqa: S310  (our own server)
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  (the same)
                assert json.loads(answer.read()), url
        owner = re.search(r"Owner key of tenant default: (\S+)", text)
        assert owner is not None
        root = urls[0].partition("/incidents")[0]
        listening = urllib.request.Request(f"{root}/events/stream", headers={"X-API-Key": owner[1]})  # noqa: S310  (the same)
        with urllib.request.urlopen(listening, timeout=PATIENCE) as stream:  # noqa: S310  (the same)
            assert re.fullmatch(rb"retry: [1-5]\d{3}\n", stream.readline())
            process.terminate()
            assert b'event: end\ndata: {"reason":"stopping"' in stream.read()
        assert process.wait(PATIENCE) == 0
