// A bolt that passes ids on and does, between, what bolts must not do. The mode is its second argument.
import fs from 'node:fs';
import { MODE, note } from './scene.mjs';
import { Bolt, bolt } from 'polybolt';

const withOdds = (n) => Math.random() * n < 1;
const megabyte = Buffer.from(`${'x'.repeat(1023)}\n`.repeat(1024));

function toStderr(data) {
  for (let at = 0; at < data.length;) {
    try {
      at += fs.writeSync(2, data, at);
    } catch (err) {
      if (err.code !== 'EAGAIN') throw err;
    }
  }
}

/** Find the descriptor that the SDK writes to: a pipe that is not stderr. */
function protocol() {
  for (const name of fs.readdirSync('/proc/self/fd')) {
    const fd = Number(name);
    try {
      const pipe = fs.readlinkSync(`/proc/self/fd/${fd}`);
      const flags = parseInt(/flags:\s*(\d+)/.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))[1], 8);
      // Node's own pipes to itself are open for reading, too.
      const others = fs.readdirSync('/proc/self/fd').filter((o) => { try { return fs.readlinkSync(`/proc/self/fd/${o}`) === pipe; } catch { return false; } });
      if (fd > 2 && pipe.startsWith('pipe:') && (flags & 3) === 1 && others.length === 1) return fd;
    } catch (err) {
      if (err.code !== 'ENOENT') throw err; // the one of readdir
    }
  }
  throw new Error('no protocol descriptor');
}

class Unserialisable extends Bolt {
  process(tup) {
    if (withOdds(100)) {
      note('did', tup.get('id'));
      this.emit([() => tup]);
    }
    this.emit(tup.values);
  }
}

/** Holds its last 5,000 tuples, and lets go of them only when no others come. */
class Join extends Bolt {
  autoAck = false;
  held = [];
  before = null;

  process(tup) {
    this.held.push(tup);
    if (this.held.length > 5000) this.release(this.held.shift());
  }

  processTick() {
    const last = this.held.at(-1);
    if (last && this.before === last) while (this.held.length) this.release(this.held.pop());
    this.before = last;
  }

  release(tup) {
    this.emit([tup.get('id')], { anchors: [tup] });
    this.ack(tup);
  }
}

/** Sends everything back into its cycle, twice, and that twice again. */
class Amplify extends Bolt {
  process(tup) {
    const depth = tup.fields.includes('depth') ? tup.get('depth') : 0;
    if (depth === 2) return void this.emit([tup.get('id')]);
    for (let i = 0; i < 2; i++) this.emit([tup.get('id'), depth + 1], { stream: 'again' });
  }
}

const modes = {
  chatty({ id }) {
    console.log('chatter', id);
    return id;
  },
  noisy({ id }) {
    if (id === 10 || id === 50_000) toStderr(megabyte);
    return id;
  },
  garbage({ id }) {
    if (withOdds(10_000)) {
      note('did', id);
      fs.writeSync(protocol(), 'this is no frame\n'.repeat(50));
    }
    return id;
  },
  raising({ id }) {
    if (withOdds(100)) {
      note('did', id);
      throw new RangeError(`no luck with ${id}`);
    }
    return id;
  },
  exiting({ id }) {
    if (withOdds(1000)) process.reallyExit(7);
    return id;
  },
  steady: ({ id }) => id,
  poisoned({ id }) {
    if (id === 77_777) process.kill(process.pid, 'SIGKILL');
    return id;
  },
  * million({ id }) {
    const parts = id === 50_000 ? 1_000_000 : 1;
    for (let part = 0; part < parts; part++) yield [id, part];
  },
};

if (MODE === 'noisy') toStderr(megabyte);
if (MODE === 'join') Join.run();
else if (MODE === 'unserialisable') Unserialisable.run();
else if (MODE === 'amplify') Amplify.run();
else bolt(modes[MODE]).run();
