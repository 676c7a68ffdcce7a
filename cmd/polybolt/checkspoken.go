package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/polybolt/polybolt/multilang/judge"
)

// spoken is what a program has turned out to speak.
type spoken struct {
	dialects []dialect
	kind     string        // of a program that plays no component of the transcripts
	silent   *judge.Result // what came instead of a greeting
}

// probed is what came of trying one dialect.
type probed struct {
	kind   string // "spout" or "bolt"; empty: it does not speak the dialect
	result judge.Result
	err    error
}

// tryLevels starts the program in every dialect and sees how it greets.
//
// Whether a program will ever speak first only patience can tell. So it is
// started as a component written for Storm at the same time: its answer to
// Storm's setup message ends the wait.
func (k *checker) tryLevels(ctx context.Context, wanted string) (*spoken, error) {
	if len(k.transcripts) == 0 {
		return nil, unusable("there is no transcript for it")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type outcome struct {
		*spoken
		err error
	}
	classic := make(chan outcome, 1) // gets one
	ours, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		s, err := k.tryEach(ctx, wanted, true)
		if err == nil && len(s.dialects) > 0 {
			stop()
		}
		classic <- outcome{s, err}
	}()
	s, err := k.tryEach(ours, wanted, false)
	if err == nil && len(s.dialects) > 0 {
		cancel()
		<-classic
		return s, nil
	}
	other := <-classic
	switch {
	case other.err == nil && len(other.dialects) > 0:
		return other.spoken, nil
	case err != nil:
		return nil, err
	case other.err != nil:
		return nil, other.err
	case s.silent == nil && other.silent == nil:
		return nil, fmt.Errorf("it does not speak level %s", wanted)
	case s.silent == nil, other.silent != nil && answered(other.silent):
		return other.spoken, nil
	}
	if other.silent != nil {
		s.silent.Fault.What += fmt.Sprintf("; as a component written for Storm: %s", other.silent.Fault.What)
	}
	return s, nil
}

// answered tells whether a program that does not speak Storm's protocol as it
// should did answer its setup message.
func answered(r *judge.Result) bool {
	return len(r.Steps) > 1 || r.Fault.Rule.ID == "storm.pid" && len(r.Fault.Frame) > 0
}

// tryEach tries our own dialects, or Storm's, one after the other.
func (k *checker) tryEach(ctx context.Context, wanted string, classic bool) (*spoken, error) {
	s := &spoken{}
	known := false
	for _, d := range dialects {
		if wanted != "auto" && wanted != d.name || (d.storm != nil) != classic || classic && len(s.dialects) > 0 {
			continue
		}
		p := k.probe(ctx, d)
		switch {
		case errors.Is(p.err, judge.ErrUnknown):
			continue
		case p.err != nil:
			return s, p.err
		case p.kind != "":
			s.dialects, s.kind = append(s.dialects, d), p.kind
		case p.result.Fault != nil && (s.silent == nil || len(p.result.Steps) > len(s.silent.Steps)):
			s.silent = &p.result // of two forms, the one that got further
		}
		known = true
		if p.result.Fault != nil && !classic && strings.HasPrefix(p.result.Fault.What, "after ") {
			break // who said nothing at all says nothing at another level
		}
	}
	if !known && (wanted == "auto" || s.silent != nil) {
		return s, unusable("none of the reference components is there: %s", strings.Join(k.command, " "))
	}
	return s, nil
}

// probe asks the first component that the program has what it is.
func (k *checker) probe(ctx context.Context, d dialect) probed {
	p := probed{err: judge.ErrUnknown}
	tried := map[string]bool{}
	for _, t := range k.transcripts {
		if tried[t.Component] {
			continue
		}
		tried[t.Component] = true
		if p = k.probeAs(ctx, d, t.Component); !errors.Is(p.err, judge.ErrUnknown) {
			break
		}
	}
	return p
}

func (k *checker) probeAs(ctx context.Context, d dialect, component string) (p probed) {
	o := k.optionsFor(d)
	if d.storm != nil {
		p.kind, p.result, p.err = judge.ProbeStorm(ctx, component, k.starter(d), o)
		return p
	}
	hello, r, err := judge.Probe(ctx, component, d.level, k.starter(d), o)
	p.result, p.err = r, err
	if err == nil && r.Fault == nil && hello.Level == d.level.String() {
		p.kind = hello.Kind
	}
	return p
}

// optionsFor returns what a conversation in a dialect needs to know.
func (k *checker) optionsFor(d dialect) judge.Options {
	o := k.options
	if d.storm != nil {
		form := *d.storm
		form.NaN = strings.Contains(k.command[0], "python") // whose json reads NaN
		o.Storm = &form
	}
	return o
}
