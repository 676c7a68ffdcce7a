// A bolt: counts words and tells the counts at the end.
import { Bolt } from 'polybolt';

class Count extends Bolt {
  counts = new Map();

  process(tup) {
    const word = tup.get('word');
    this.counts.set(word, (this.counts.get(word) ?? 0) + 1);
  }

  onStop() {
    for (const word of [...this.counts.keys()].sort()) this.emit([word, this.counts.get(word)]);
  }
}

Count.run();
