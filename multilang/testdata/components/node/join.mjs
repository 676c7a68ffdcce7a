// A bolt: joins two streams by key; what it emits comes from both rows.
import { Bolt } from 'polybolt';

class Join extends Bolt {
  autoAck = false;
  waiting = new Map();

  process(tup) {
    const key = tup.get('key');
    const other = this.waiting.get(key);
    if (other === undefined) {
      this.waiting.set(key, tup);
      return;
    }
    this.waiting.delete(key);
    const [left, right] = tup.component === 'left' ? [tup, other] : [other, tup];
    this.emit([key, left.get('a'), right.get('b')], { anchors: [left, right] });
    this.ack(left);
    this.ack(right);
  }
}

Join.run();
