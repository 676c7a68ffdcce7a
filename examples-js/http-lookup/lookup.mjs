// A bolt: asks a service for the price of an item, for up to `concurrency`
// items at a time.
//
// A rejected promise, such as that of a request without an answer, fails the
// item, and the host sends it again. An item that the service does not know is
// no failure.
import { bolt } from 'polybolt';

bolt(async ({ item }, { conf, log, metrics }) => {
  const stop = metrics.timer('lookup_seconds');
  const response = await fetch(`${conf.url}/${item}.json`, { signal: AbortSignal.timeout(10_000) });
  const body = await response.text();
  stop();
  if (response.status === 404) {
    metrics.counter('unknown_items').inc();
    log.warn('there is no %s', item);
    return null;
  }
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${response.statusText}`);
  return [item, JSON.parse(body).cents];
}).run();
