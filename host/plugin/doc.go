// Package plugin lets others do, in a process of their own, what a cluster does
// seldom: decide where tasks run ([Scheduler]), decide who may do what
// ([Authorizer]), take figures and events elsewhere ([Sink]). docs/plugins.md
// tells how to write one, in Go or in any language that speaks gRPC; example has
// whole ones.
//
// A plugin that dies, does not answer in time, talks nonsense or is not the
// file that the configuration names is killed and started again, after a pause
// that grows. What happens meanwhile is up to its kind: the built-in scheduler
// decides; nobody may do anything; figures and events wait, and are dropped when
// they are too many. None of it holds up a tuple.
package plugin
