// A spout: the words of the text in its configuration.
import { spout } from 'polybolt';

spout(function* ({ conf }) {
  yield* conf.text.toLowerCase().match(/\w+/g);
}).run();
