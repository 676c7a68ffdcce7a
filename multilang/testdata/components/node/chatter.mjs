// A bolt that prints wherever user code can.
import { spawnSync } from 'node:child_process';
import { Bolt } from 'polybolt';

process.stdout.write('printed while loading\n');

class Chatter extends Bolt {
  initialize() {
    console.log('printed in initialize');
    process.stderr.write(`${'e'.repeat(1 << 20)}\n`);
  }

  process(tup) {
    for (let i = 0; i < 50; i++) console.log('printed for row', tup.get('n'), 'line', i);
    for (let i = 50; i < 100; i++) process.stdout.write(`printed for row ${tup.get('n')} line ${i}\n`);
    spawnSync('echo', ['printed by another program'], { stdio: 'inherit' });
    this.emit([tup.get('n')]);
  }

  processTick() {
    process.stdout.write('printed in a tick, without an end');
  }
}

Chatter.run();
