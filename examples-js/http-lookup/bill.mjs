// A bolt: adds up the basket, and prints the bill when the topology stops.
import { Bolt } from 'polybolt';

class Bill extends Bolt {
  lines = new Map(); // item -> {n, cents}

  process(tup) {
    const item = tup.get('item');
    const { n } = this.lines.get(item) ?? { n: 0 };
    this.lines.set(item, { n: n + 1, cents: tup.get('cents') });
  }

  onStop() {
    const money = (cents) => (cents / 100).toFixed(2).padStart(6);
    let total = 0;
    for (const [item, { n, cents }] of [...this.lines].sort(([a], [b]) => (a < b ? -1 : 1))) {
      total += n * cents;
      console.log(`${n} ${item.padEnd(8)} ${money(n * cents)}`);
    }
    console.log(`total      ${money(total)}`);
  }
}

Bill.run();
