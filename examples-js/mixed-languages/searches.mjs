// A bolt: counts what was searched for, and prints it when the topology stops.
import { Bolt } from 'polybolt';

class Searches extends Bolt {
  counts = new Map();

  process(tup) {
    const words = tup.get('words');
    this.counts.set(words, (this.counts.get(words) ?? 0) + 1);
  }

  onStop() {
    for (const [words, n] of [...this.counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))) {
      console.log(`${n} × ${words}`);
    }
  }
}

Searches.run();
