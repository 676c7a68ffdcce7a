// Package logview is the log server of a machine: it serves what the workers
// of its supervisor have written, those that are dead included: log lines,
// tuples that were given up, and last figures. It only reads, and keeps
// nothing. The supervisor starts it, and it lives on without that, and without a coordinator.
//
// Whoever asks must know a token, which stands in the coordinator beside the
// address and the pin of the certificate: so nimbus can ask, and nobody who
// cannot read there. Every answer is bounded, in length, in time, or in the
// number of those that are given at once.
package logview
