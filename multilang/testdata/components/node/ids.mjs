// A bolt: asks where each row went, and tells.
import { Bolt } from 'polybolt';

class Ids extends Bolt {
  async process(tup) {
    const tasks = await this.emit([tup.get('text')], { needTaskIds: true });
    this.emit([tup.get('text'), tasks], { stream: 'told' });
  }
}

Ids.run();
