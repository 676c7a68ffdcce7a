package judge

import (
	"context"
	"time"
)

// wait is what the player waits for, and the rule that is broken if it does not come.
type wait struct {
	rule    string
	within  time.Duration // 0: as long as the player's patience
	done    func() bool
	missing func() string // what has not come, for people
}

// until takes events until a wait is done, or something is wrong, or patience has run out.
func (p *player) until(ctx context.Context, w wait) error {
	if w.within == 0 {
		w.within = p.opts.Patience
	}
	timer := time.NewTimer(w.within)
	defer timer.Stop()
	wake, beat := p.classic.timers()
	for {
		p.frame = nil
		for more := true; more; {
			if err := p.classic.broken(p); err != nil {
				return err
			}
			if p.seen.expects != nil {
				if wrong := p.seen.wrong(); wrong != "" {
					return brokenRule{breaks(w.rule, "%s", wrong)}
				}
			}
			if w.done() {
				return nil
			}
			var err error
			if more, err = p.read(); err != nil {
				return err
			}
		}
		if p.exited {
			return brokenRule{breaks(w.rule, "%s, but the program has ended: %s", w.missing(), p.seen.exit.how)}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
			return brokenRule{breaks(w.rule, "after %s: %s", w.within, w.missing())}
		case e := <-p.events:
			p.take(e)
		case <-wake:
			p.classic.adapter.Wake()
			p.pass(0)
		case <-beat:
			p.classic.adapter.Beat()
			p.pass(0)
		}
	}
}

// take takes an event; output is looked at by read.
func (p *player) take(e event) {
	p.keepText(e)
	if p.classic.adapter != nil {
		e = p.fromClassic(e)
	}
	p.unread = append(p.unread, e.output...)
	if e.exit != nil {
		p.exited, p.seen.exit = true, e.exit
	}
}

func (p *player) keepText(e event) {
	p.stderr = append(p.stderr, e.stderr...)
	if cut := len(p.stderr) - stderrTail; cut > 0 {
		p.stderr = p.stderr[cut:]
	}
	p.seen.printed = append(p.seen.printed, e.stderr...)
}
