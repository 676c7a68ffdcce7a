// A spout: so many numbers.
import { spout } from 'polybolt';

const sequence = spout(function* ({ conf }) {
  for (let n = 0; n < conf.count; n++) yield n;
});

sequence.run();
