//go:build !nofigures

package worker

// measured: how long rows take is measured. `make bench` builds the host with
// the tag nofigures, too, to tell what that costs.
const measured = true
