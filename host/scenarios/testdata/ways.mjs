// Bolts that send tuples along many ways; each adds its name to the way. The second argument says which.
import assert from 'node:assert';
import { MODE } from './scene.mjs';
import { Bolt } from 'polybolt';

class Fork extends Bolt {
  initialize({ nested, streams }) {
    assert.deepEqual(nested, { a: [1, { b: null }], 1: 'x' });
    this.streams = streams;
  }

  process(tup) {
    for (let i = 0; i < this.streams; i++) this.emit([tup.get('id'), `s${i}`], { stream: `s${i}` });
  }
}

class Pass extends Bolt {
  initialize({ name }) {
    this.name = name;
  }

  process(tup) {
    const way = `${tup.get('way')} ${this.name}`;
    this.emit([tup.get('id'), way]);
    if (tup.stream === 's0') this.emit([tup.get('id'), way], { stream: 'round' });
  }
}

class Again extends Bolt {
  process(tup) {
    this.emit([tup.get('id'), `${tup.get('way')} again`]);
  }
}

({ fork: Fork, pass: Pass, again: Again })[MODE].run();
