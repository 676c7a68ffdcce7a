// A bolt: appends lines to a file. A line is acked when process() returns; by
// then it is with the operating system.
import fs from 'node:fs';
import { Bolt } from 'polybolt';

class Store extends Bolt {
  initialize(conf) {
    this.file = fs.openSync(conf.path, 'a');
  }

  process(tup) {
    fs.writeSync(this.file, `${tup.get('line')}\n`);
  }
}

Store.run();
