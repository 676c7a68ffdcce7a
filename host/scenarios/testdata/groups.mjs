// Bolts that take tuples in batches, and one that asks where each goes. The second argument says which.
import { MODE, note } from './scene.mjs';
import { Bolt } from 'polybolt';

/** Throws for the first batch with the id 100, and fails 200 once by name. */
class Batches extends Bolt {
  ticks = 0;

  processBatch(tuples) {
    const ids = tuples.map((tup) => tup.get('id'));
    note('batches', ids.length);
    if (ids.includes(100) && !this.raised) {
      this.raised = true;
      note('refused', ids.join(' '));
      throw new RangeError('not this batch');
    }
    for (const tup of tuples) {
      if (tup.get('id') === 200 && !this.failed) {
        this.failed = true;
        this.fail(tup, 'not this tuple');
      } else {
        this.emit(tup.values, { anchors: [tup] });
      }
    }
  }

  processTick() {
    this.ticks++;
  }

  onStop() {
    note('ticks', this.ticks);
  }
}

class Asking extends Bolt {
  async process(tup) {
    const tasks = await this.emit(tup.values, { needTaskIds: true });
    note('asked', `${tup.get('id')} ${tasks.length}`);
  }
}

({ batches: Batches, asking: Asking })[MODE].run();
