// A bolt: a line in, its words out.
import { bolt } from 'polybolt';

bolt(function* ({ line }) {
  for (const word of line.split(/\s+/)) {
    if (word) yield word;
  }
}).run();
