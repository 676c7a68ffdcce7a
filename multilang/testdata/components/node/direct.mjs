// A bolt: sends each text to the task that the row names.
import { Bolt } from 'polybolt';

class Direct extends Bolt {
  process(tup) {
    this.emit([tup.get('text')], { directTask: tup.get('task') });
  }
}

Direct.run();
