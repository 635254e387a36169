"""The texts that are sent now: what the portal comes with, and what editors say differently, in every process."""

import asyncio
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import structlog

from services.notify import mail_text_list
from services.notify.faults import TRY_AGAIN
from services.notify.texts import Text
from shared.kernel.postgres import Pool
from shared.kernel.wakeup import Waiter

POLL = 1.0

log = structlog.get_logger()


class LiveTexts(Mapping[str, Text]):
    """Every text by name as it is said now. `revision` is another one whenever a text is.

    Who is about to write mails calls `refresh`; what is written from then on says what was saved before.
    """

    def __init__(self, pool: Pool, standards: Mapping[str, Text]) -> None:
        self._pool = pool
        self.standards = MappingProxyType(dict(standards))
        self._texts = dict(standards)
        self._refreshing = asyncio.Lock()
        self.revision = 0

    def __getitem__(self, name: str) -> Text:
        return self._texts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    async def refresh(self) -> None:
        """Takes over what was changed; one short question to the database when nothing was."""
        async with self._refreshing:
            state = await mail_text_list.state(self._pool)
            if state == self.revision:
                return
            edited = await mail_text_list.edited(self._pool)
            said = {name: each.words for name, each in edited.items() if each.words and name in self.standards}
            self._texts = dict(self.standards) | {name: self.standards[name].saying(said[name]) for name in said}
            self.revision = sum(each.version for each in edited.values())
            log.info("mail_texts_changed", revision=self.revision, changed=len(said))

    async def keep(self, bell: Waiter) -> None:
        """Follows the changes of other processes, for ever."""
        while True:
            try:
                await self.refresh()
            except TRY_AGAIN as error:
                log.warning("mail_texts_wait", reason=type(error).__name__)
            await bell.wait(POLL)
