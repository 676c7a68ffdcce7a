// Bolts that strain the stream between child and host. The second argument says how.
import { execFileSync, execSync } from 'node:child_process';
import fs from 'node:fs';
import { Worker } from 'node:worker_threads';
import { MODE, note } from './scene.mjs';
import { Bolt, bolt } from 'polybolt';

const megabyte = Buffer.from(`${'y'.repeat(1023)}\n`.repeat(1024));

function toStderr(data) {
  for (let at = 0; at < data.length;) {
    try {
      at += fs.writeSync(2, data, at);
    } catch (err) {
      if (err.code !== 'EAGAIN') throw err;
    }
  }
}

/** Write to stdout in every way there is. */
function sayEverywhere(where) {
  console.log('print from', where);
  process.stdout.write(`write from ${where}\n`);
  fs.writeSync(1, `descriptor from ${where}\n`);
  execFileSync('/usr/bin/env', ['printf', `C from ${where}\n`], { stdio: 'inherit' });
  execSync(`echo shell from ${where}`, { stdio: 'inherit' });
}

class Chatter extends Bolt {
  initialize() {
    sayEverywhere('initialize');
  }

  async process(tup) {
    const id = tup.get('id');
    if (id === 10) {
      sayEverywhere('process');
      const code = ['print', 'write', 'descriptor', 'C', 'shell'].map((how) => `console.log('${how} from thread');`).join('');
      const thread = new Worker(code, { eval: true });
      await new Promise((resolve, reject) => thread.once('exit', resolve).once('error', reject));
    }
    console.log('row', id);
    this.emit([id]);
  }

  processTick() {
    if (!this.ticked) sayEverywhere('tick');
    this.ticked = true;
  }
}

/** Four tasks emit and ack, while process emits, too. */
class Threads extends Bolt {
  autoAck = false;

  process(tup) {
    const id = tup.get('id');
    this.emit([id, 'main', -id]);
    setTimeout(() => {
      this.emit([id, 'thread', -id], { anchors: [tup] });
      this.ack(tup);
    }, id % 4);
  }
}

/** Keeps all tuples, and looks at them again at the end. */
class Hoard extends Bolt {
  kept = [];

  process(tup) {
    this.kept.push(tup);
  }

  onStop() {
    for (const tup of this.kept) {
      const [n, text, data] = tup.values;
      if (text !== `text ${n}`.repeat(n % 7) || !data.equals(Buffer.alloc(n % 9, n % 256))) note('spoilt', n);
    }
    note('kept', this.kept.length);
  }
}

/** Catches what emit throws, or does not. */
class Careful extends Bolt {
  async process(tup) {
    const n = tup.get('id');
    const options = { needTaskIds: n % 2 === 1 };
    if (n < 10) {
      try {
        await this.emit([new Set([1, 2])], options);
      } catch (err) {
        note('caught', err.message);
      }
    } else if (n < 20) {
      await this.emit([() => n], options);
    }
    await this.emit([n], options);
  }
}

class Wrong extends Bolt {
  process(tup) {
    const n = tup.get('id');
    if (n === 0) this.emit('a text');
    else if (n === 1) this.emit([n, n]);
    else if (n === 2) this.emit([n], { stream: 'nowhere' });
    else if (n === 3) this.emit({ id: n, di: n });
    this.emit([n]);
  }
}

const functions = {
  noisy({ id }) {
    if (id === 0 || id === 5000) toStderr(megabyte);
    return id;
  },
  * flooding({ id, text }) {
    for (let i = 0; i < (id === 0 ? 100_000 : 0); i++) yield [-1, text];
    yield [id, text];
  },
  large: ({ id, text }) => [id, id === 3 ? text.repeat(3) : text],
  same: (fields, ctx, tup) => tup.values,
};

if (MODE === 'chatter') sayEverywhere('import');
if (MODE === 'noisy') toStderr(megabyte);
const classes = { chatter: Chatter, threads: Threads, hoard: Hoard, careful: Careful, wrong: Wrong };
(classes[MODE] ?? bolt(functions[MODE])).run();
