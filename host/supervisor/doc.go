// Package supervisor runs the workers of one machine: it says which slots there
// are, fetches code, starts worker processes where nimbus wants them, watches
// over them and starts them again, and ends those that are not wanted any more.
//
// It accepts no connection, and holds nothing that matters. Workers are no
// descendants that die with it: a supervisor that is started again finds them
// by their slots' sockets and goes on with them. While the coordinator is away
// it goes by what it last knew.
//
// What happens in a slot is decided by [step], a pure function over a table of
// states; a keeper carries it out, one goroutine for each lane of a slot that is in use.
package supervisor
