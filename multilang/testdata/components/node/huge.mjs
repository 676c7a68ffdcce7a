// A bolt: emits as many texts, of as many bytes, as a row says.
import { bolt } from 'polybolt';

const huge = bolt(function* ({ count, size }) {
  for (let i = 0; i < count; i++) yield 'x'.repeat(size);
});

huge.run();
