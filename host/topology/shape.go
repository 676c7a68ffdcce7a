package topology

import "time"

// Limits of a topology. Those that commands change at run time are exported.
const (
	MaxParallelism = 10_000 // tasks of one component
	MaxWorkers     = 10_000 // worker processes of one topology

	maxComponents  = 1_000
	maxTasks       = 100_000 // of a whole topology
	maxStreams     = 1_000   // of one component
	maxFields      = 1_000   // of one stream
	maxArguments   = 1_000
	maxTextBytes   = 128<<10 - 1 // of an argument or an environment entry: Linux refuses MAX_ARG_STRLEN
	maxEnv         = 1_000
	maxFieldChars  = 255
	maxRetries     = 1_000_000
	maxConcurrency = 100_000
	maxBatch       = 1_000_000
	maxPending     = 100_000_000
	minMessage     = 1 << 10
	maxMessage     = 1 << 30 // a frame's length has 32 bits, and a row lies in memory more than once
	minDuration    = time.Millisecond
	maxDuration    = 366 * 24 * time.Hour
)

// shape says what a value of a topology file looks like. The loader reads by
// it, and the JSON Schema is written from it.
type shape struct {
	form     form
	min, max int64     // of a number; of the length of a list or map
	words    []string  // said instead of a value: "auto", "off"; or all that may be said
	pattern  string    // of a text
	elem     *shape    // of a list or map: its values
	record   []outline // of a record: its keys
	alt      []*shape  // of a union
	one      bool      // a record with exactly one key
	unique   bool      // a list without repetitions
	empty    bool      // nothing may stand there: a key whose values are all commented out
}

// form is the type of a shape.
type form uint8

const (
	formText form = iota
	formWord      // one of words
	formBool
	formInt
	formSize     // bytes: an integer, or a text such as 16MiB
	formDuration // Go's syntax
	formList
	formMap
	formRecord
	formUnion
	formConf // a map of whatever values
)

// outline describes one key of a record.
type outline struct {
	name     string
	doc      string
	shape    *shape
	required bool
	only     only // which components have it
	initial  any  // its default, for the schema; nil = none worth telling
}

// only restricts a key of a component to one kind.
type only uint8

const (
	both only = iota
	onlySpout
	onlyBolt
)

// fits reports whether components of that kind have the key.
func (o only) fits(k Kind) bool {
	return o == both || (o == onlySpout) == (k == Spout)
}

const (
	namePattern     = `^[A-Za-z][A-Za-z0-9_-]{0,63}$`
	durationPattern = `^(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`
	sizePattern     = `^[0-9]+ ?([kKMG]i?)?B$`
	fieldPattern    = `^[^\x00-\x1f\x7f-\x9f]+$` // no line feeds and other controls, which a terminal would obey
	envPattern      = `^[^=\x00]+$`
	argumentPattern = `^[^\x00]*$` // a NUL ends the text for the operating system
)

var (
	nameShape  = &shape{form: formText, pattern: namePattern}
	fieldShape = &shape{form: formText, pattern: fieldPattern, max: maxFieldChars}
	argument   = &shape{form: formText, pattern: argumentPattern, max: maxTextBytes}
	truth      = &shape{form: formBool}
	fieldList  = &shape{form: formList, min: 1, max: maxFields, elem: fieldShape, unique: true}
	confShape  = &shape{form: formConf, empty: true}
)

func integer(low, high int64, words ...string) *shape {
	return &shape{form: formInt, min: low, max: high, words: words}
}

func duration(words ...string) *shape {
	return &shape{form: formDuration, words: words, pattern: durationPattern}
}

func word(words ...string) *shape {
	return &shape{form: formWord, words: words}
}

func listOf(elem *shape, low, high int64) *shape {
	return &shape{form: formList, elem: elem, min: low, max: high}
}

func mapOf(elem *shape, keyPattern string, low, high int64) *shape {
	return &shape{form: formMap, elem: elem, pattern: keyPattern, min: low, max: high}
}

// orNothing lets a shape be left empty.
func orNothing(s *shape) *shape {
	s.empty = true
	return s
}

func record(keys []outline) *shape {
	return &shape{form: formRecord, record: keys}
}

func union(alt ...*shape) *shape {
	return &shape{form: formUnion, alt: alt}
}
