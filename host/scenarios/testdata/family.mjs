// A bolt that does not want to die, and has family. The second argument says in which way.
import { spawn } from 'node:child_process';
import http from 'node:http';
import { MODE, NAME, note } from './scene.mjs';
import { Bolt } from 'polybolt';

const stubborn = "for (const s of ['SIGTERM', 'SIGHUP', 'SIGINT']) process.on(s, () => {}); setInterval(() => {}, 1000);";

class Family extends Bolt {
  async initialize() {
    if (MODE === 'deaf') for (const s of ['SIGTERM', 'SIGHUP', 'SIGQUIT']) process.on(s, () => {});
    if (MODE === 'timers') {
      for (let i = 0; i < 3; i++) setInterval(() => {}, 10);
      http.createServer().listen(0, '127.0.0.1');
    }
    if (MODE === 'family') {
      for (const detached of [false, true]) {
        const relative = spawn(process.execPath, ['-e', stubborn], { detached, stdio: 'ignore' });
        note('born', `${NAME} ${relative.pid}`);
        relative.unref();
      }
      // A grandchild whose parent is gone, in a session of its own.
      const code = `const c = require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(stubborn)}], { detached: true, stdio: 'ignore' });
        require('fs').appendFileSync('born', '${NAME} ' + c.pid + '\\n'); c.unref();`;
      await new Promise((resolve) => { spawn(process.execPath, ['-e', code], { stdio: 'ignore' }).once('exit', resolve); });
    }
  }

  process() {
    note('busy', NAME);
    if (MODE === 'sleeping') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_600_000);
    while (MODE === 'computing');
  }
}
Family.run();
