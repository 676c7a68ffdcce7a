// A spout: so many numbers, each with an id; it finishes after the last, and replays what fails.
import { Spout } from 'polybolt';

class Finishing extends Spout {
  n = 0;

  nextTuple() {
    this.emit([this.n], { id: this.n });
    this.n++;
    if (this.n === this.conf.count) this.finish();
  }

  fail(id) {
    this.emit([id], { id });
  }
}

Finishing.run();
