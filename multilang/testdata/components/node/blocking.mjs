// A spout: a row, then a pause, then another row.
import { setTimeout } from 'node:timers/promises';
import { spout } from 'polybolt';

const blocking = spout(async function* ({ conf }) {
  yield 'first';
  await setTimeout(conf.ms);
  yield 'second';
});

blocking.run();
