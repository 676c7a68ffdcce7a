// A bolt: works on several rows at once; rows that say "wait" do so until the next tick.
import { once, EventEmitter } from 'node:events';
import { Bolt } from 'polybolt';

class Overtake extends Bolt {
  ticks = new EventEmitter();

  async process(tup) {
    if (tup.get('what') === 'wait') await once(this.ticks, 'tick');
    this.emit([tup.get('what')]);
  }

  processTick() {
    this.ticks.emit('tick');
  }
}

Overtake.run();
