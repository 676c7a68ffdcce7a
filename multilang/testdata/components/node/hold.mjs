// A bolt: keeps its rows until a tick, which emits and acks the even ones and fails the odd; 0 is acked at once.
import { Bolt } from 'polybolt';

class Hold extends Bolt {
  autoAck = false;
  kept = [];

  process(tup) {
    if (tup.get('n') === 0) this.ack(tup);
    else this.kept.push(tup);
  }

  processTick() {
    for (const tup of this.kept) {
      const n = tup.get('n');
      if (n % 2 !== 0) this.fail(tup, `${n} is odd`);
      else {
        this.emit([n], { anchors: [tup] });
        this.ack(tup);
      }
    }
    this.kept = [];
  }
}

Hold.run();
