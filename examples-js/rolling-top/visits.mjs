// A spout: plays back who visited what, `speed` times as fast as it happened.
//
// Each line of the file is a second and a page. Visits go out on the default
// stream. Every tenth second goes out on one called clock, so that those who
// count know what time it is even when nobody visits their pages.
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Spout } from 'polybolt';

class Visits extends Spout {
  async initialize(conf) {
    this.visits = (await open(conf.path)).readLines()[Symbol.asyncIterator]();
    this.speed = conf.speed;
    this.start = performance.now();
    this.second = this.told = 0;
  }

  async nextTuple() {
    const { value: line, done } = await this.visits.next();
    if (done) {
      this.emit([this.second], { stream: 'clock' });
      this.finish();
      return;
    }
    const [second, page] = line.split(' ');
    this.second = Number(second);
    const due = this.start + (1000 * this.second) / this.speed;
    await sleep(Math.max(0, due - performance.now()));
    this.emit([page, this.second]);
    if (this.second >= this.told + 10) {
      this.told = this.second;
      this.emit([this.second], { stream: 'clock' });
    }
  }
}

Visits.run();
