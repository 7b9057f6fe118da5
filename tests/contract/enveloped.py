"""Calls uptime, whose answers and errors come in an envelope (contracts/incidents.md 3.7)."""

from typing import Any, ClassVar

from tests.contract.working import Client


class Enveloped:
    """Calls the operations below ``base`` with one key; errors have to be in the envelope, too."""

    base: ClassVar[str]

    def __init__(self, client: Client, key: str = "") -> None:
        self.client = client
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def done(self, method: str, path: str = "", body: Any = None, status: int = 200, **headers: str) -> Any:
        """Send a request that has to succeed, and return the whole envelope."""
        answer = await self.client.call(method, self.base + path, body, **self._headers, **headers)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/json"
        assert int(answer.headers["Annals-Position"]) > 0
        envelope = answer.json()
        assert envelope["success"] is True
        assert set(envelope) <= {"success", "data", "pagination"}
        return envelope

    async def refused(self, method: str, path: str = "", body: Any = None, **headers: str) -> tuple[int, str, Any]:
        """Send a request that has to be refused, and return status, code and details (or, without any, None)."""
        answer = await self.client.call(method, self.base + path, body, **self._headers, **headers)
        assert answer.headers["content-type"] == "application/json", answer.text
        told = answer.json()
        assert set(told) == {"success", "error"}
        assert told["success"] is False
        assert set(told["error"]) <= {"code", "message", "details"}
        assert told["error"]["message"]
        return answer.status_code, told["error"]["code"], told["error"].get("details")
