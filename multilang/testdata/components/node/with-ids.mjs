// A spout: rows with ids of several types and one without; then it tells what becomes of them.
import { Spout } from 'polybolt';

const IDS = [1, 'one', 2.5, false, 0];

class WithIds extends Spout {
  n = 0;

  nextTuple() {
    if (this.n < IDS.length) this.emit([this.n], { id: IDS[this.n] });
    else if (this.n === IDS.length) this.emit([this.n]);
    this.n++;
  }

  ack(id) {
    this.emit(['ack', id], { stream: 'told' });
  }

  fail(id) {
    this.emit(['fail', id], { stream: 'told' });
  }

  dead(id) {
    this.emit(['dead', id], { stream: 'told' });
  }
}

WithIds.run();
