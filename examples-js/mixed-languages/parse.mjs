// A bolt: a line of a web server's log in, a request out. Node's URL does the
// decoding. What was searched for goes out on a stream of its own.
import { Bolt } from 'polybolt';

const REQUEST = /^\S+ GET (?<url>\S+) (?<status>\d+) (?<ms>\d+)ms$/;

class Parse extends Bolt {
  process(tup) {
    const match = REQUEST.exec(tup.get('line'));
    if (!match) {
      this.log.warn('no request: %s', tup.get('line'));
      return; // acked: another try would not help
    }
    const { url, status, ms } = match.groups;
    const { pathname, searchParams } = new URL(url);
    this.emit([pathname, Number(status), Number(ms)]);
    if (searchParams.has('q')) this.emit([searchParams.get('q')], { stream: 'searches' });
  }
}

Parse.run();
