// A bolt: notes the ids of which all parts have arrived, each part once or more.
import fs from 'node:fs';
import { note } from './scene.mjs';
import { Bolt } from 'polybolt';

class Parts extends Bolt {
  initialize({ big, parts }) {
    Object.assign(this, { big, parts, seen: new Uint8Array(parts), n: 0, arrived: fs.openSync('arrived', 'a') });
  }

  process(tup) {
    const [id, part] = tup.values;
    if (id === this.big) {
      this.n += 1 - this.seen[part];
      this.seen[part] = 1;
      if (this.n < this.parts) return;
    }
    fs.writeSync(this.arrived, `${id}\n`);
  }

  onStop() {
    note('parts', this.n);
  }
}
Parts.run();
