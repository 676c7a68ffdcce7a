"""A bolt: asks a service for the price of an item, for up to `concurrency` items at a time.

An exception, such as a timeout or a status of 500, fails the item, and the host
sends it again. An item that the service does not know is no failure.
"""
import asyncio
import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError

from polybolt import Bolt


def get_json(url):
    """Return what is at url, or None if there is nothing."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return json.load(response)
    except HTTPError as e:
        if e.code == 404:
            return None
        raise


class Lookup(Bolt):
    def initialize(self, conf, ctx):
        self.url = conf["url"]
        self.threads = ThreadPoolExecutor(max_workers=64)  # it starts no more than are needed

    async def process(self, tup):
        item = tup["item"]
        with self.metrics.timer("lookup_seconds"):
            # urllib waits, so it waits in a thread. With a client that is async itself: await client.get(...)
            loop = asyncio.get_running_loop()
            product = await loop.run_in_executor(self.threads, get_json, f"{self.url}/{item}.json")
        if product is None:
            self.metrics.counter("unknown_items").inc()
            self.log.warning("there is no %s", item)
        else:
            self.emit([item, product["cents"]])


Lookup.run()
