// Package nimbus is the master: it takes deploys, decides where work runs, and
// moves it when a worker is gone. Any number of them may run; one leads.
//
// It keeps nothing: what it knows it read from the coordinator, and what it
// decides it writes there, all or nothing, fenced by its term. It talks to no
// supervisor and to no worker, and learns of their ends from their ephemerals alone.
//
// The decisions are pure: next looks at a [world] and returns a plan, the
// changes of a topology and when to look again. A change of a topology (deploy,
// rollback, rebalance, kill) is a saved step in a table of steps, so that the
// next leader goes on where the last one stopped. Everything is done by one
// goroutine, the leader's loop, which the API sends its requests to.
package nimbus
