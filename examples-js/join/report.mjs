// A bolt: prints what was joined and what was not.
import { Bolt } from 'polybolt';

class Report extends Bolt {
  process(tup) {
    const order = tup.get('order');
    if (tup.stream === 'unmatched') {
      console.log(`order ${order} has no ${tup.get('side') === 'orders' ? 'payment' : 'order'}`);
    } else {
      console.log(`order ${order}: ${tup.get('drink')}, ${(tup.get('cents') / 100).toFixed(2)}, paid by ${tup.get('method')}`);
    }
  }
}

Report.run();
