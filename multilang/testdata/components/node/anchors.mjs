// A bolt: emits with every kind of anchor: its own row, none, the row before, both.
import { Bolt } from 'polybolt';

class Anchors extends Bolt {
  autoAck = false;
  before = null;

  process(tup) {
    const n = tup.get('n');
    this.emit([n, 'own']);
    this.emit([n, 'none'], { anchors: [] });
    if (this.before) {
      this.emit([n, 'before'], { anchors: this.before });
      this.emit([n, 'both'], { anchors: [this.before, tup] });
      this.ack(this.before);
    }
    this.before = tup;
  }

  onStop() {
    this.ack(this.before);
  }
}

Anchors.run();
