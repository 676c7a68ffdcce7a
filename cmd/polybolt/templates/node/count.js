// A bolt as a class, for those that remember something.
const { Bolt } = require('polybolt');

class Count extends Bolt {
  counts = new Map();

  process(tup) {
    const word = tup.get('word');
    this.counts.set(word, (this.counts.get(word) ?? 0) + 1);
  }

  onStop() {
    const ranking = [...this.counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    for (const [word, n] of ranking.slice(0, 5)) console.log(`${String(n).padStart(3)} ${word}`);
  }
}

module.exports = Count;
if (require.main === module) Count.run();
