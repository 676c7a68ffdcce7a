// A bolt: emits what the welcome told it, beside each row.
import { Bolt } from 'polybolt';

class Told extends Bolt {
  initialize(conf, ctx) {
    this.told = [ctx.topology, ctx.component, ctx.task, ctx.index, ctx.tasks, conf];
  }

  process(tup) {
    this.emit([tup.get('x'), ...this.told]);
  }
}

Told.run();
