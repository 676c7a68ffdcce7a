// A bolt: refuses negative numbers, in so many words.
import { Bolt } from 'polybolt';

class Refuse extends Bolt {
  process(tup) {
    const n = tup.get('n');
    if (n < 0) this.fail(tup, `${n} is negative`);
    else this.emit([n]);
  }
}

Refuse.run();
