// A spout: rows with more than a number in them. The second argument says which.
import fs from 'node:fs';
import { MODE } from './scene.mjs';
import { spout } from 'polybolt';

const megabyte = Buffer.from(`${'s'.repeat(1023)}\n`.repeat(1024));

function toStderr(data) {
  for (let at = 0; at < data.length;) {
    try {
      at += fs.writeSync(2, data, at);
    } catch (err) {
      if (err.code !== 'EAGAIN') throw err;
    }
  }
}

const functions = {
  * noisy({ conf }) {
    for (let i = 0; i < conf.n; i++) {
      if (i === 0 || i === 5000) toStderr(megabyte);
      yield i;
    }
  },
  * texts({ conf }) {
    for (let i = 0; i < conf.n; i++) yield [i, conf.text.repeat(conf.times ?? 1)];
  },
  * hoard({ conf }) {
    for (let n = 0; n < conf.n; n++) yield [n, `text ${n}`.repeat(n % 7), Buffer.alloc(n % 9, n % 256)];
  },
};

spout(functions[MODE]).run();
