// A bolt: emits where each row came from, and the row's first value.
import { Bolt } from 'polybolt';

class Origin extends Bolt {
  process(tup) {
    this.emit([tup.component, tup.stream, tup.task, tup.values[0]]);
  }
}

Origin.run();
