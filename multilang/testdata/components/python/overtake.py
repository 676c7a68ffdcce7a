"""A bolt: works on several rows at once; rows that say "wait" do so until the next tick."""
import asyncio

from polybolt import Bolt


class Overtake(Bolt):
    async def initialize(self, conf, ctx):
        self.ticked = asyncio.Event()

    async def process(self, tup):
        if tup["what"] == "wait":
            await self.ticked.wait()
        self.emit([tup["what"]])

    async def process_tick(self, tick):
        self.ticked.set()


Overtake.run()
