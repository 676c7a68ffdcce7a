// Package cluster is what the coordinator holds for Polybolt: the paths, the
// records behind them, and the few things that are done with them. Besides the
// composition root it is the only package that knows the coordinator.
//
//	/leader                              counts the terms, which fences writes; below it who leads now (ephemeral)
//	/nimbuses/INCARNATION                a nimbus that lives (ephemeral)
//	/supervisors/SUPERVISOR              a supervisor that lives (ephemeral), with its slots
//	/slots/SUPERVISOR/SLOT.LANE          a worker that is to run there
//	/topologies/NAME                     what the user wants, and the change that is under way
//	/topologies/NAME/versions/N          code as it was deployed: which bundle, which topology file
//	/topologies/NAME/runs/N              a version as it is brought up: bundle, options, mode
//	/topologies/NAME/runs/N/assignment   which task runs where
//	/topologies/NAME/runs/N/workers/PLACE              what the worker there tells of itself
//	/topologies/NAME/runs/N/workers/PLACE/INCARNATION  its process lives (ephemeral)
//	/topologies/NAME/runs/N/workers/PLACE/failures.COMPONENT  errors of its tasks there
//	/bundles/SHA256/CHUNK                packed code
//
// In a cluster with a key, all of this is the daemons' alone ([Key]), but for
// what a worker may do: read its run and the assignment, and write to its own
// node in workers and below it.
//
// A record is written by one role only. What nimbus wrote and nobody can read
// is a broken invariant; what others wrote is judged by whoever reads it, and
// ignored if it is no good. Liveness is an ephemeral node, never a periodic
// write: at rest nothing is written.
package cluster
