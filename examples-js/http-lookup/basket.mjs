// A spout: the items of a basket, one per line.
import { open } from 'node:fs/promises';
import { spout } from 'polybolt';

spout(async function* ({ conf }) {
  yield* (await open(conf.path)).readLines();
}).run();
