"""Follows process instances over HTTP, by what the contract alone says of them (contracts/engine.md)."""

from collections.abc import Mapping
from typing import Any

from tests.contract.working import Client, place

WORKER = "worker"
WAITING = ("CREATED", "STARTED")


class Followed:
    """A process instance, seen through queries."""

    def __init__(self, engine: Client, row: Mapping[str, Any]) -> None:
        self.engine = engine
        self.key = {"partition": row["partition"], "processInstanceId": row["id"]}
        self.path = place("process-instances", row)
        self.id: int = row["id"]

    async def row(self) -> Any:
        (row,) = await self.engine.rows("process-instances", partition=self.key["partition"], id=self.id)
        return row

    async def state(self) -> str:
        state: str = (await self.row())["state"]
        return state

    async def elements(self) -> list[str]:
        """Return its element instances in the order of their ids, each as ``<element> <state>``."""
        rows = await self.engine.rows("element-instances", **self.key)
        assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
        return [f"{row['bpmnElementId']} {row['state']}" for row in rows]

    async def at(self, element: str) -> Any:
        """Return the last instance of an element that has not ended."""
        rows = await self.engine.rows("element-instances", **self.key, bpmnElementId=element, states=WAITING)
        assert rows, f"nothing waits at {element}: {await self.elements()}"
        return rows[-1]

    async def jobs(self) -> list[str]:
        """Return its jobs in the order of their ids, each as ``<element> <type> <state>``."""
        rows = await self.engine.rows("jobs", **self.key)
        return [f"{row['bpmnElementId']} {row['type']} {row['state']}" for row in rows]

    async def tasks(self) -> list[str]:
        """Return its tasks in the order of their ids, each as ``<element> <type> <state>``."""
        rows = await self.engine.rows("tasks", **self.key)
        return [f"{row.get('bpmnElementId', '-')} {row['type']} {row['state']}" for row in rows]

    async def job(self, element: str) -> Any:
        """Lock the open job of an element that waits, and return it."""
        where = await self.at(element)
        rows = await self.engine.rows("jobs", **self.key, elementInstanceId=where["id"])
        (open_job,) = [row for row in rows if "completedAt" not in row]
        given = {"partition": open_job["partition"], "id": open_job["id"], "limit": 1, "workerId": WORKER}
        (locked,) = (await self.engine.ok("POST", "/jobs/lock", given))["jobs"]
        return locked

    async def answers(self, element: str, **body: Any) -> Any:
        """Complete the job of an element, whatever comes of it."""
        return await self.engine.complete(await self.job(element), WORKER, **body)

    async def completes(self, element: str, **completion: Any) -> Any:
        """Complete the job of an element; the engine has to be content."""
        body = {"completion": completion} if completion else {}
        done = await self.answers(element, **body)
        assert (done["state"], done.get("error")) == ("DONE", None)
        return done

    async def runs(self, element: str) -> Any:
        """Execute the open task of an element that waits; it has to be done."""
        where = await self.at(element)
        rows = await self.engine.rows("tasks", **self.key, elementInstanceId=where["id"])
        (open_task,) = [row for row in rows if "completedAt" not in row]
        done = await execute(self.engine, partition=open_task["partition"], id=open_task["id"])
        assert [(task["id"], task["state"]) for task in done] == [(open_task["id"], "DONE")]
        return done[0]

    async def works(self) -> list[Any]:
        """Execute what tasks of the instance are due."""
        return await execute(self.engine, **self.key)

    async def child(self) -> "Followed":
        """Return the instance it called last."""
        rows = await self.engine.rows("process-instances", partition=self.key["partition"], parentId=self.id)
        return Followed(self.engine, rows[-1])

    async def variables(self) -> dict[str, str]:
        found = (await self.engine.ok("GET", f"{self.path}/variables"))["variables"]
        assert len({variable["name"] for variable in found}) == len(found)
        return {variable["name"]: variable["data"]["value"] for variable in found}


async def follow(engine: Client, process_id: str = "p", **more: Any) -> Followed:
    """Start an instance of a deployed process."""
    return Followed(engine, await engine.start(process_id, **more))


async def execute(engine: Client, **criteria: Any) -> list[Any]:
    """Execute due tasks, none of which may fail, and return them."""
    run = await engine.ok("POST", "/tasks/execute", {"limit": 100, **criteria})
    assert (run["failed"], run["locked"]) == (0, run["completed"])
    tasks: list[Any] = run["completedTasks"]
    return tasks


async def send(engine: Client, name: str, key: str, **more: Any) -> Any:
    """Send a message."""
    body = {"name": name, "correlationKey": key, "workerId": "sender", **more}
    return await engine.ok("POST", "/messages", body)


async def signal(engine: Client, name: str, **more: Any) -> Any:
    """Send a signal."""
    return await engine.ok("POST", "/signals", {"name": name, "workerId": "sender", **more})


async def advance(engine: Client, duration: str) -> Any:
    """Move the engine's time forward."""
    return await engine.ok("PATCH", "/time", {"timeDuration": duration})


def value(name: str, text: str | None) -> dict[str, Any]:
    """Return a variable, or without a text what deletes it."""
    return {"name": name, "data": None if text is None else {"encoding": "text", "value": text}}
