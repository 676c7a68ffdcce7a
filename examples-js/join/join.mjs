// A bolt: joins two streams by the field `order`.
//
// A tuple is kept, and not acked, until its partner comes. What is emitted then
// is anchored to both: if anything after this fails, both are replayed. One
// whose partner does not come in `patience` seconds goes out on the stream
// `unmatched`.
import { Bolt } from 'polybolt';

class Join extends Bolt {
  autoAck = false;
  waiting = new Map(); // order -> {since, sides: {component: tuple}}

  initialize(conf) {
    this.patience = 1000 * conf.patience;
  }

  process(tup) {
    const order = tup.get('order');
    if (!this.waiting.has(order)) this.waiting.set(order, { since: performance.now(), sides: {} });
    const { sides } = this.waiting.get(order);
    sides[tup.component] = tup; // one that is here already was given up: this is its replay
    const { orders: placed, payments: paid } = sides;
    if (placed && paid) {
      this.waiting.delete(order);
      this.emit([order, placed.get('drink'), Number(placed.get('cents')), paid.get('method')], { anchors: [placed, paid] });
      this.ack(placed);
      this.ack(paid);
    }
  }

  processTick() {
    for (const [order, { since, sides }] of this.waiting) {
      if (performance.now() - since < this.patience) continue;
      this.waiting.delete(order);
      for (const [component, alone] of Object.entries(sides)) {
        this.emit([order, component], { stream: 'unmatched', anchors: alone });
        this.ack(alone);
      }
    }
  }
}

Join.run();
