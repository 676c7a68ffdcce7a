// A bolt: tells at each tick how many rows there were since the last.
import { Bolt } from 'polybolt';

class Tick extends Bolt {
  rows = 0;

  process() {
    this.rows++;
  }

  processTick() {
    this.emit([this.rows]);
    this.rows = 0;
  }
}

Tick.run();
