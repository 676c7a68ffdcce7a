// A bolt: counts words, and emits the counts as they stand at the end.
import { Bolt } from 'polybolt';

class Count extends Bolt {
  counts = new Map();

  process(tup) {
    const word = tup.get('word');
    this.counts.set(word, (this.counts.get(word) ?? 0) + 1);
  }

  onStop() {
    for (const entry of this.counts) this.emit(entry);
  }
}

Count.run();
