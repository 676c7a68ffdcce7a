// A spout: the lines of a text.
import { open } from 'node:fs/promises';
import { spout } from 'polybolt';

spout(async function* ({ conf }) {
  const text = await open(conf.path);
  yield* text.readLines();
}).run();
