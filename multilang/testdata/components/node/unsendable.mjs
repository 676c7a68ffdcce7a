// A bolt: emits what cannot be sent, of the kind that the row names, else [what, what].
import { Bolt } from 'polybolt';

class Unsendable extends Bolt {
  process(tup) {
    const what = tup.get('what');
    if (what === 'short') this.emit([1]);
    else if (what === 'stream') this.emit([1, 2], { stream: 'nowhere' });
    else if (what === 'code') this.emit([what, () => {}]);
    else this.emit([what, what]);
  }
}

Unsendable.run();
