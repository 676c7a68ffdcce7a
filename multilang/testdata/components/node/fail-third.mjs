// A bolt: emits every number, then breaks on each third one.
import { Bolt } from 'polybolt';

class FailThird extends Bolt {
  process(tup) {
    const n = tup.get('n');
    this.emit([n]);
    if (n % 3 === 0) throw new RangeError(`cannot take ${n}`);
  }
}

FailThird.run();
