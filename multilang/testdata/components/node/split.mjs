// A bolt: a line in, its words out.
import { bolt } from 'polybolt';

const split = bolt(function* ({ line }) {
  yield* line.split(/\s+/).filter((word) => word !== '');
});

split.run();
