//go:build race

package scenarios

// raced: the program under test is built to find races, too.
const raced = true
