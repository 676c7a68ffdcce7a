// A bolt: logs at every level, counts, and breaks in ticks.
import { Bolt } from 'polybolt';

class Report extends Bolt {
  process(tup) {
    const text = tup.get('text');
    for (const level of ['trace', 'debug', 'info', 'warn', 'error']) this.log[level]('said %s', text);
    this.metrics.counter('hits').inc(2);
    this.metrics.gauge('depth').set(text.length);
    this.metrics.histogram('size').observe(1.5);
  }

  processTick() {
    throw new Error('ticks are too much');
  }
}

Report.run();
