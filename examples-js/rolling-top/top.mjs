// A bolt: on each tick, prints the pages with the highest counts if they have changed.
import { Bolt } from 'polybolt';

class Top extends Bolt {
  counts = new Map();
  printed = '';

  initialize(conf) {
    this.show = conf.show;
  }

  process(tup) {
    this.counts.set(tup.get('page'), tup.get('count'));
  }

  processTick() {
    const ranking = [...this.counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    const line = ranking.slice(0, this.show).map(([page, count]) => `${page} ${count}`).join(', ');
    if (line !== this.printed) {
      console.log(line);
      this.printed = line;
    }
  }
}

Top.run();
