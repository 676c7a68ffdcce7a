// A spout: the numbers from 0 to conf.n. The host keeps them, and replays what fails.
// conf.pause: seconds of rest after every 100, so that a test can do something meanwhile.
import './scene.mjs';
import { spout } from 'polybolt';

const sleep = (seconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000 * seconds);

spout(function* ({ conf }) {
  for (let i = 0; i < conf.n; i++) {
    yield i;
    if (conf.pause && i % 100 === 99) sleep(conf.pause);
  }
}).run();
