// A bolt: counts words, and prints the ten most frequent ones at the end.
import { Bolt } from 'polybolt';

class Count extends Bolt {
  #counts = new Map();

  process(tup) {
    const word = tup.get('word');
    this.#counts.set(word, (this.#counts.get(word) ?? 0) + 1);
  }

  onStop() {
    const ranking = [...this.#counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    console.log(`${ranking.length} different words`);
    for (const [word, n] of ranking.slice(0, 10)) console.log(`${String(n).padStart(7)} ${word}`);
  }
}

Count.run();
