package nimbus

import (
	"errors"
	"log/slog"
	"time"

	"github.com/polybolt/polybolt/host/blob"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/scheduler"
)

// Rules are what decisions follow.
type Rules struct {
	// Gone is how long a worker that lived must have been away before its work
	// moves: its supervisor restarts it much sooner.
	Gone time.Duration

	// Lost is the same for a worker whose supervisor is away too.
	Lost time.Duration

	// Start is the same for a worker that has not lived yet: its code may be on its way.
	Start time.Duration

	// Shun is for how long no work is placed where a worker could not live.
	Shun time.Duration

	Versions int // how many are kept
	Schedule func(scheduler.Problem) scheduler.Answer
}

// DefaultRules returns the rules of docs/operations.md.
func DefaultRules() Rules {
	return Rules{Gone: 15 * time.Second, Lost: 2 * time.Second, Start: 2 * time.Minute, Shun: time.Minute, Versions: 3, Schedule: scheduler.Even}
}

// Options say who a nimbus is, and what it allows.
type Options struct {
	Self       cluster.Nimbus
	Rules      Rules
	Bundle     blob.Limits // of one bundle
	AllBundles int64       // bytes of all bundles together, packed
	ZooKeeper  []string    // where the coordinator is, for those who ask
	Log        *slog.Logger
	Leading    func() // told in each term when it can take its first change; may be nil
}

// DefaultOptions returns options that lack Self and Log.
func DefaultOptions() Options {
	return Options{Rules: DefaultRules(), Bundle: blob.DefaultLimits(), AllBundles: 256 << 20}
}

// Validate returns an error that names every option that cannot be used.
func (o *Options) Validate() error {
	var errs []error
	r := o.Rules
	if r.Gone <= 0 || r.Lost <= 0 || r.Start <= 0 || r.Shun < 0 {
		errs = append(errs, errors.New("the times after which work moves must be positive"))
	}
	if r.Versions < 1 {
		errs = append(errs, errors.New("at least one version must be kept"))
	}
	if o.Bundle.Packed < 1 || o.Bundle.Packed > cluster.MaxBundle || o.Bundle.Unpacked < 1 || o.Bundle.Files < 1 || o.AllBundles < o.Bundle.Packed {
		errs = append(errs, errors.New("the limits on bundles leave no room for one"))
	}
	return errors.Join(errs...)
}
