// A bolt: every row, unchanged.
import { Bolt } from 'polybolt';

class Echo extends Bolt {
  process(tup) {
    this.emit(tup.values);
  }
}

Echo.run();
