// A bolt: prints the ten most frequent words when the topology stops.
import { Bolt } from 'polybolt';

class Top extends Bolt {
  counts = new Map();

  process(tup) {
    this.counts.set(tup.get('word'), tup.get('count'));
  }

  onStop() {
    const ranking = [...this.counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    const total = ranking.reduce((sum, [, n]) => sum + n, 0);
    console.log(`${total} words, ${ranking.length} different ones`);
    for (const [word, n] of ranking.slice(0, 10)) console.log(`${String(n).padStart(7)} ${word}`);
  }
}

Top.run();
