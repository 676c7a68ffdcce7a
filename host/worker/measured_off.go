//go:build nofigures

package worker

const measured = false
