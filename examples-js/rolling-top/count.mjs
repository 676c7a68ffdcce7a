// A bolt: counts the visits of each page in a sliding window, and on each tick
// emits the counts that have changed.
import { Bolt } from 'polybolt';

class Count extends Bolt {
  now = 0;
  pages = new Map(); // page -> {seconds of its visits, oldest first; the count that was emitted last}

  initialize(conf) {
    this.window = conf.window;
  }

  process(tup) {
    const second = tup.get('second');
    this.now = Math.max(this.now, second);
    if (tup.stream === 'clock') return;
    const page = tup.get('page');
    if (!this.pages.has(page)) this.pages.set(page, { seconds: [], told: 0 });
    this.pages.get(page).seconds.push(second);
  }

  processTick() {
    for (const [page, visits] of this.pages) {
      visits.seconds = visits.seconds.filter((second) => second > this.now - this.window);
      if (visits.told !== visits.seconds.length) {
        visits.told = visits.seconds.length;
        this.emit([page, visits.told]);
      }
    }
  }
}

Count.run();
