// A spout that ends when so many batches have been written, a bolt with two streams, and one that writes in bulk. The
// second argument says which.
import fs from 'node:fs';
import { MODE, note } from './scene.mjs';
import { Bolt, bolt, emitTo, spout } from 'polybolt';

const rows = spout(function* ({ conf }) {
  for (let i = 0; i < conf.n; i++) yield i;
  const written = () => fs.existsSync('sizes') ? fs.readFileSync('sizes', 'utf8').split('\n').length - 1 : 0;
  while (written() < conf.batches) yield null;
});

const fork = bolt(({ id }) => {
  emitTo('more', [id]);
  return id;
});

class Write extends Bolt {
  async processBatch(tuples) {
    note('sizes', tuples.length);
    await new Promise((resolve) => setTimeout(resolve, 50)); // as a bulk writer does
  }
}

({ rows, fork, write: Write })[MODE].run();
