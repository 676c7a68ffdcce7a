// Bolts that begin, end and hang in unusual ways. The second argument says how.
import fs from 'node:fs';
import { MODE, NAME, note } from './scene.mjs';
import { Bolt, bolt } from 'polybolt';

const sleep = (seconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000 * seconds);

/** Reports whether this is the first call in any process of the component. */
function once() {
  try {
    fs.closeSync(fs.openSync(`${NAME}.once`, 'wx'));
    return true;
  } catch {
    return false;
  }
}

const at500 = (what) => bolt(({ id }) => {
  if (id === 500 && once()) {
    fs.writeSync(2, 'last words\n');
    what();
  }
  return id;
});

/** Of ten processes, the fourth dies of every row. */
class Tenth extends Bolt {
  initialize(conf, ctx) {
    this.index = ctx.index;
    note('indexes', ctx.index);
  }

  process(tup) {
    if (this.index === 3) process.reallyExit(9);
    note('rows', this.index);
    sleep(0.002);
    this.emit(tup.values);
  }
}

class Unspeakable extends Error {
  get message() { throw new Error('no words for it'); }

  get stack() { throw new Error('no trace of it'); }

  toString() { throw new Error('no text for it'); }
}

/** Takes its time to stop, and has a last word. */
class Lingering extends Bolt {
  initialize({ seconds }) {
    this.seconds = seconds;
  }

  process(tup) {
    sleep(0.005);
    this.emit(tup.values);
  }

  async onStop() {
    note('stopping', process.pid);
    await new Promise((resolve) => { setTimeout(resolve, 1000 * this.seconds); });
    this.emit([-1]);
  }
}

/** Holds the first tuples for three seconds. */
class Holder extends Bolt {
  autoAck = false;
  held = [];
  until = performance.now() + 3000;

  process(tup) {
    this.held.push(tup);
    this.release();
  }

  processTick() {
    this.release();
  }

  release() {
    while (this.held.length && performance.now() > this.until) {
      const tup = this.held.pop();
      this.emit(tup.values, { anchors: [tup] });
      this.ack(tup);
    }
  }
}

const realNow = Date.now;

const functions = {
  unspeakable({ id }) {
    if (id === 5) throw new Unspeakable();
    if (id === 6) throw new RangeError('\udcff\udcfe lone');
    return id;
  },
  failing({ id }) {
    if (id === 5) throw new RangeError('five is right out');
    return id;
  },
  slow({ id }) {
    sleep(0.005);
    return id;
  },
  async napping({ id }) {
    if (id === 5) await new Promise((resolve) => { setTimeout(resolve, 3000); });
    return id;
  },
  computing({ id }) {
    const until = performance.now() + (id === 5 ? 3000 : 0);
    while (performance.now() < until);
    return id;
  },
  steady: ({ id }) => id,
  late: ({ id }) => id,
  silent({ id }) {
    note('arrived', id);
  },
  // The clock on the wall jumps by an hour, to and fro.
  jumping({ id }) {
    Date.now = () => realNow() + (id % 2 ? 3_600_000 : -3_600_000);
    return id;
  },
};

const components = {
  'exit 0': at500(() => process.exit(0)),
  'exit 1': at500(() => process.exit(1)),
  SIGKILL: at500(() => process.kill(process.pid, 'SIGKILL')),
  segfault: at500(() => process.kill(process.pid, 'SIGSEGV')),
  hang: at500(() => sleep(3600)),
  tenth: Tenth,
  lingering: Lingering,
  holder: Holder,
};

if (MODE === 'crash') throw new Error('it needs what is not there');
if (MODE === 'asleep') {
  console.log('I am so tired');
  sleep(3600);
}
if (MODE === 'late') sleep(5);
if (MODE === 'forgot') {
  console.log('that was all');
  process.exit(0);
}
(components[MODE] ?? bolt(functions[MODE])).run();
