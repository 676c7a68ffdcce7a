// Spouts and bolts with tuples that are named, kept, failed and given up. The second argument says how.
import { MODE, note } from './scene.mjs';
import { Bolt, Spout } from 'polybolt';

/** Has nothing to emit for a while. */
class Resting extends Spout {
  initialize({ n, seconds }) {
    Object.assign(this, { n, at: performance.now() + 1000 * seconds });
  }

  nextTuple() {
    if (performance.now() < this.at) return;
    for (let i = 0; i < this.n; i++) this.emit([i]);
    this.finish();
  }
}

/** Never acks anything. */
class Keeper extends Bolt {
  autoAck = false;

  process(tup) {
    note('kept', tup.get('id'));
  }
}

/** Gives each tuple an id, and hears what became of it. */
class Named extends Spout {
  next = 0;
  open = 0;

  initialize({ n }) {
    this.n = n;
  }

  nextTuple() {
    if (this.next >= this.n) return;
    this.emit([this.next], { id: this.next });
    this.open++;
    this.next++;
  }

  ended(how, id) {
    note(how, id);
    this.open--;
    if (!this.open && this.next === this.n) this.finish();
  }

  ack(id) {
    this.ended('acked', id);
  }

  dead(id) {
    this.ended('given up', id);
  }
}

/** Replays what fails by itself, twice. */
class Reliable extends Named {
  fails = new Map();

  fail(id) {
    note('failed', id);
    this.fails.set(id, (this.fails.get(id) ?? 0) + 1);
    if (this.fails.get(id) <= 2) this.emit([id], { id });
    else this.ended('given up', id);
  }
}

/** Fails every tenth tuple, goes on with it, and is done with all others. */
class Failing extends Bolt {
  autoAck = false;

  process(tup) {
    const n = tup.get('id');
    if (n % 10 === 0) {
      this.fail(tup, `I do not like ${n}`);
      this.fail(tup, 'twice');
      this.ack(tup);
      this.emit([-1 - n], { anchors: [] });
      return;
    }
    this.emit([n]);
    this.ack(tup);
    this.ack(tup);
  }
}

/** Gets ticks by the thousand, and acks none. */
class Ticking extends Bolt {
  autoAck = false;
  ticks = 0;

  process(tup) {
    this.emit(tup.values, { anchors: [tup] });
    this.ack(tup);
  }

  processTick() {
    this.ticks++;
    if (this.ticks === 300 || this.ticks === 2000) note('memory', process.memoryUsage().rss >> 10);
  }
}

({ resting: Resting, keeper: Keeper, named: Named, reliable: Reliable, failing: Failing, ticking: Ticking })[MODE].run();
