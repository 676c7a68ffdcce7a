// Compiled by types.test.js: what users of the types write, and what they must not.
import polybolt, { Bolt, Spout, bolt, spout, emitTo, Context, Timestamp, Tuple } from 'polybolt';
import { Tester } from 'polybolt/testing';

class Split extends Bolt {
  autoAck = false;
  counts = new Map<string, number>();

  async initialize(conf: { path: string }, ctx: Context) {
    ctx.log.info('%s', conf.path, this.ctx.tasks['split']);
  }

  async process(tup: Tuple<{ line: string; n: number }>) {
    const line: string = tup.get('line');
    // @ts-expect-error a number is no string
    const n: string = tup.get('n');
    // @ts-expect-error no such field
    tup.get('lines');
    this.emit([line, n]);
    this.emit({ word: line }, { stream: 'words', anchors: [tup], directTask: 3 });
    const ids: number[] = await this.emit([line], { needTaskIds: true });
    // @ts-expect-error a misspelt option
    this.emit([ids], { steam: 'x' });
    // @ts-expect-error a string is no row
    this.emit('word');
    this.metrics.counter('n').inc();
    this.metrics.timer('t')();
    this.ack(tup);
    this.fail(tup, new Error('x'));
  }
}
Split.run();
new Split().run();

class Callbacks extends Bolt {
  process(tup: Tuple, done: (error?: unknown) => void) {
    done(tup.get('anything'));
  }
}

class Lines extends Spout {
  nextTuple() {
    this.emit(['x'], { id: 7 });
    // @ts-expect-error spouts have no anchors
    this.emit(['x'], { anchors: [] });
    this.finish();
  }
  ack(id: number) { this.log.debug(id); }
  async fail(id: number) { this.emit([id], { id }); }
}
Lines.run();

bolt<{ line: string }>(function* ({ line }) {
  for (const word of line.split(' ')) yield word;
}).run();
bolt(({ a, b }) => [a + b, new Timestamp(1n, 5), Buffer.from('x'), 2n]).run();
bolt(async ({ url }, ctx, tup) => emitTo('errors', [url, ctx.conf.x, tup.id])).run();
spout(async function* ({ conf }) {
  yield conf.path;
}).run();
// @ts-expect-error a spout is a generator
spout(() => 5);

const tester = new Tester(Split, { inputs: { lines: ['line'] }, outputs: ['word'], concurrency: 2 });
const { emits, acked, failed } = await tester.send([{ line: 'x' }, ['y']]);
export const all = [emits[0].values, acked, failed[0].error.place, (await tester.tick()).values('x'), new Tester(bolt(() => 1)), polybolt.Bolt, Callbacks];
