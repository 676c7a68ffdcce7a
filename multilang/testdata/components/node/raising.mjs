// A spout: breaks twice before it emits its only row.
import { Spout } from 'polybolt';

class Raising extends Spout {
  calls = 0;

  nextTuple() {
    this.calls++;
    if (this.calls < 3) throw new Error(`call ${this.calls} came too early`);
    this.emit(['now']);
    this.finish();
  }
}

Raising.run();
