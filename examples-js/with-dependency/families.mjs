// A bolt: collects the words of each stem, and prints those that have several.
import { Bolt } from 'polybolt';

class Families extends Bolt {
  words = new Map(); // stem -> set of words

  process(tup) {
    const stem = tup.get('stem');
    if (!this.words.has(stem)) this.words.set(stem, new Set());
    this.words.get(stem).add(tup.get('word'));
  }

  onStop() {
    for (const [stem, words] of [...this.words].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (words.size > 1) console.log(`${stem}: ${[...words].sort().join(', ')}`);
    }
  }
}

Families.run();
