// A spout that has nothing to emit but which hook was called.
import { Spout } from 'polybolt';

class Hooks extends Spout {
  nextTuple() {}

  activate() {
    this.emit(['activate']);
  }

  deactivate() {
    this.emit(['deactivate']);
  }

  onStop() {
    this.emit(['stop']);
  }
}

Hooks.run();
