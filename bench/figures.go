package main

import "fmt"

// costRounds is how many times as many rounds tell a cost of some hundredths,
// which is less than two runs of the same binary differ by.
const costRounds = 4

// figuresCost measures what all figures cost: the word count by the binary, and
// by one that was built with the tag nofigures, in turns. Other work on the
// machine comes and goes; CPU time shows it less than throughput.
func (b *bench) figuresCost() error {
	const name = "figures: cost on word count"
	if !b.wanted(name) {
		return nil
	}
	if b.noFigures == "" {
		return fmt.Errorf("%s: -without names no binary built with -tags nofigures", name)
	}
	p := pipelines[1]
	measure := func(binary string, n int) (*outcome, error) {
		own := *b
		own.polybolt = binary
		return own.runPipeline(p, n)
	}
	first, err := measure(b.polybolt, 300_000) // warms up caches
	if err != nil {
		return err
	}
	n := int(first.rate*b.seconds) / 5 * 5
	rate, cpu := b.result(name, "3 %", "", "%"), b.result(name+": CPU", "3 %", "", "%")
	for round := range costRounds * b.rounds {
		binaries := []string{b.polybolt, b.noFigures}
		outcomes := map[string]*outcome{}
		for i := range binaries {
			binary := binaries[(i+round)%2] // neither is always the first
			if outcomes[binary], err = measure(binary, n); err != nil {
				return err
			}
		}
		with, without := outcomes[b.polybolt], outcomes[b.noFigures]
		rate.add(100*(without.rate-with.rate)/without.rate, 0)
		cpu.add(100*(with.total-without.total)/without.total, 0)
		cpu.notes = fmt.Sprintf("host %.3f and %.3f µs/sentence", with.cpu["host"], without.cpu["host"])
		progress("round %d: %s: %.0f and %.0f sentences/s, %.3f and %.3f µs", round+1, name, with.rate, without.rate, with.total, without.total)
	}
	return nil
}
