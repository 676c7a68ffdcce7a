// A bolt: takes as many milliseconds over a row as the row says.
import { setTimeout } from 'node:timers/promises';
import { Bolt } from 'polybolt';

class Slow extends Bolt {
  async process(tup) {
    await setTimeout(tup.get('ms'));
    this.emit([tup.get('ms')]);
  }
}

Slow.run();
