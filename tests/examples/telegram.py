"""A small Telegram Bot API on this machine, and a customer who writes and taps there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Self

from aiohttp import web

TOKEN = "4242:Canary-Telegram-Token"
CHAT = 77
PATIENCE = 20


class Telegram:
    """Answers a bot by long polling, and keeps what the bot says.

    Attributes:
        said: What the bot has sent or changed, not looked at yet: text and labels of its buttons.
        confirmed: All updates before this one have arrived, as the bot has said.
        calls: Methods the bot has called.
    """

    def __init__(self) -> None:
        self.said: asyncio.Queue[tuple[int, str, dict[str, str]]] = asyncio.Queue()
        self.confirmed = 0
        self.calls: list[str] = []
        self._updates: list[dict[str, Any]] = []
        self._came = asyncio.Event()
        self._messages: dict[int, str] = {}
        self._buttons: dict[str, tuple[int, str]] = {}
        self._ids = 100
        self._runner: web.ServerRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        server = web.Server(self._serve, access_log=None)
        self._runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    # The customer

    def write(self, text: str) -> None:
        """Write a message to the bot."""
        message = {**self._message(self._next(), text), "from": _USER}
        if text.startswith("/"):
            message["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text)}]
        self._update({"message": message})

    def tap(self, label: str) -> None:
        """Tap a button, as it was labelled when it was shown last."""
        at, data = self._buttons[label]
        query = {
            "id": str(self._next()),
            "from": _USER,
            "chat_instance": "1",
            "data": data,
            "message": self._message(at, self._messages[at]),
        }
        self._update({"callback_query": query})

    def deliver_again(self) -> None:
        """Forget that the latest update has arrived, as if the bot had died before it said so."""
        self.confirmed = self._updates[-1]["update_id"]

    async def read(self) -> tuple[str, list[str]]:
        """Return what the bot says next: a text, and the labels of its buttons."""
        async with asyncio.timeout(PATIENCE):
            _, text, buttons = await self.said.get()
        return text, list(buttons)

    def _update(self, update: dict[str, Any]) -> None:
        self._updates.append({"update_id": self._next(), **update})
        self._came.set()

    def _next(self) -> int:
        self._ids += 1
        return self._ids

    # The bot

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        prefix, _, method = request.path.rpartition("/")
        if prefix != f"/bot{TOKEN}":
            return _answer({"ok": False, "error_code": 401, "description": "Unauthorized"}, 401)
        self.calls.append(method)
        form = await request.post()
        fields = {name: str(value) for name, value in form.items()}
        result = await getattr(self, f"_{method}")(fields)
        if isinstance(result, web.Response):
            return result
        return _answer({"ok": True, "result": result}, 200)

    async def _getMe(self, fields: Mapping[str, str]) -> object:
        return {"id": 4242, "is_bot": True, "first_name": "Shop", "username": "shop_bot"}

    async def _deleteWebhook(self, fields: Mapping[str, str]) -> object:
        return True

    async def _getUpdates(self, fields: Mapping[str, str]) -> object:
        self.confirmed = max(self.confirmed, int(fields.get("offset", "0")))
        try:
            async with asyncio.timeout(float(fields.get("timeout", "0"))):
                while not (new := [u for u in self._updates if u["update_id"] >= self.confirmed]):
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            return []
        return new

    async def _answerCallbackQuery(self, fields: Mapping[str, str]) -> object:
        return True

    async def _sendMessage(self, fields: Mapping[str, str]) -> object:
        return self._say(self._next(), fields)

    async def _editMessageText(self, fields: Mapping[str, str]) -> object:
        at = int(fields["message_id"])
        if self._messages[at] == fields["text"]:
            text = "Bad Request: message is not modified"
            return _answer({"ok": False, "error_code": 400, "description": text}, 400)
        return self._say(at, fields)

    def _say(self, at: int, fields: Mapping[str, str]) -> object:
        assert fields["chat_id"] == str(CHAT)
        text = fields["text"]
        markup = json.loads(fields.get("reply_markup", "{}"))
        rows = markup.get("inline_keyboard", [])
        buttons = {each["text"]: each["callback_data"] for row in rows for each in row}
        assert all(len(data.encode()) <= 64 for data in buttons.values())
        self._messages[at] = text
        self._buttons.update({label: (at, data) for label, data in buttons.items()})
        self.said.put_nowait((at, text, buttons))
        return self._message(at, text)

    def _message(self, at: int, text: str) -> dict[str, Any]:
        chat = {"id": CHAT, "type": "private", "first_name": "Canary-Ada"}
        return {"message_id": at, "date": 1772438400, "chat": chat, "text": text}


_USER = {"id": CHAT, "is_bot": False, "first_name": "Canary-Ada"}


def _answer(content: object, status: int) -> web.Response:
    return web.json_response(content, status=status)
