// A spout: the rows of a simple CSV file whose first line names the fields. Two
// components of the topology run it.
import { open } from 'node:fs/promises';
import { spout } from 'polybolt';

spout(async function* ({ conf }) {
  let fields;
  for await (const line of (await open(conf.path)).readLines()) {
    const values = line.split(',');
    if (fields) yield values;
    else fields = values;
  }
}).run();
