//go:build !race

package scenarios

// raced: the program under test is built as users build it.
const raced = false
