// A bolt: every row, unchanged. After the last it tries what cannot be sent.
import { Bolt } from 'polybolt';

const ring = [];
ring.push(ring);
const REFUSED = [1n << 63n, -(1n << 63n) - 1n, () => {}, Symbol('s'), new Date(NaN), ring, [undefined, Symbol('t')], new WeakMap()];

class Echo extends Bolt {
  process(tup) {
    this.emit(tup.values);
    if (tup.get('name') !== 'refused by Python') return;
    for (const value of REFUSED) {
      try {
        this.emit(['refused', value]);
      } catch (error) {
        if (!/\bx\b/.test(error.message)) throw error;
        continue;
      }
      throw new Error(`a ${typeof value} was taken`);
    }
    this.emit(['refused by Node', REFUSED.length]);
  }
}

Echo.run();
