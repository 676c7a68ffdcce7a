package topology

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxLanes   = 24  // lines beside one another; more are a thicket, and the text says the same
	maxLines   = 200 // lines in all, for the same reason; placing them costs their square
	maxCommand = 40  // characters of a command in a drawing
	cycleMark  = " ↺"
)

// Graph draws a topology as text: each component with what it reads and what
// it emits, sources above readers, and a line from each stream to those who read
// it. Subscriptions inside a cycle are marked with ↺. Lines end in a line feed
// and carry no trailing blanks.
func Graph(t *Topology) string {
	d := drawing{reads: map[int]source{}, output: map[source]int{}, inCycle: map[Edge]bool{}}
	for _, e := range Cycles(t) {
		d.inCycle[e] = true
	}
	tasks, idWidth := 0, 0
	for _, c := range t.Components {
		tasks += c.Parallelism
		idWidth = max(idWidth, len(c.ID))
	}
	for _, group := range StopOrder(t) {
		for _, id := range group {
			d.component(t.Component(id), idWidth)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s, %s\n\n", t.Name, count(len(t.Components), "component"), count(tasks, "task"), count(t.Config.Workers, "worker"))
	d.write(&b)
	if len(d.inCycle) > 0 {
		fmt.Fprintf(&b, "\n%s inside a cycle\n", strings.TrimSpace(cycleMark))
	}
	return b.String()
}

// count says "1 task", "2 tasks".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// drawing is a text of rows, some of which are ends of edges.
type drawing struct {
	rows    []string
	reads   map[int]source // what a row reads
	output  map[source]int // the row that emits it
	inCycle map[Edge]bool
}

// component appends the rows of one component.
func (d *drawing) component(c *Component, idWidth int) {
	if len(d.rows) > 0 {
		d.rows = append(d.rows, "")
	}
	d.rows = append(d.rows, fmt.Sprintf("%-*s  %-5s  %-8s  %s", idWidth, c.ID, c.Kind, count(c.Parallelism, "task"), commandText(c.Command)))
	width := 0
	for _, in := range c.Inputs {
		width = max(width, len(sourceText(in)))
	}
	for _, s := range c.Outputs {
		width = max(width, len(s.ID))
	}
	for _, in := range c.Inputs {
		mark := ""
		if d.inCycle[Edge{in.From, in.Stream, c.ID}] {
			mark = cycleMark
		}
		d.reads[len(d.rows)] = source{in.From, in.Stream}
		d.rows = append(d.rows, fmt.Sprintf("  in   %-*s  %s%s", width, sourceText(in), in.Group, mark))
	}
	for _, s := range c.Outputs {
		d.output[source{c.ID, s.ID}] = len(d.rows)
		d.rows = append(d.rows, fmt.Sprintf("  out  %-*s  [%s]", width, s.ID, strings.Join(s.Fields, ", ")))
	}
}

// sourceText names a stream; the default one by its component alone.
func sourceText(in Input) string {
	if in.Stream == DefaultStream {
		return string(in.From)
	}
	return string(in.From) + "." + string(in.Stream)
}

// commandText writes a command on one line, for reading, not for a shell.
func commandText(command []string) string {
	words := make([]string, len(command))
	for i, w := range command {
		words[i] = w
		// A terminal obeys control characters, so they are shown as escapes.
		if w == "" || strings.ContainsFunc(w, func(r rune) bool { return strings.ContainsRune(" \"'\\", r) || !unicode.IsPrint(r) }) {
			words[i] = quote(w)
		}
	}
	text := []rune(strings.Join(words, " "))
	if len(text) > maxCommand {
		return string(text[:maxCommand-1]) + "…"
	}
	return string(text)
}

// lane is a vertical line from a stream's row to those of its readers.
type lane struct {
	first, last int // rows
	emits       int // the row of the stream
	column      int
}

// write prints the rows with the lines of their edges to the right of them.
func (d *drawing) write(b *strings.Builder) {
	lanes, columns := d.lanes()
	width := 0
	for _, row := range d.rows {
		width = max(width, utf8.RuneCountInString(row))
	}
	for r, text := range d.rows {
		line := text
		if columns > 0 {
			line += strings.Repeat(" ", width-utf8.RuneCountInString(text)) + d.gutter(lanes, columns, r)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// lanes gives every stream that is read a vertical line, in the leftmost column
// where it crosses no other. Short lines choose first and stay near the text.
// It returns no columns where there would be too many.
func (d *drawing) lanes() (lanes map[source]*lane, columns int) {
	lanes = map[source]*lane{}
	var order []*lane
	for row := range d.rows {
		s, reads := d.reads[row]
		if !reads {
			continue
		}
		l := lanes[s]
		if l == nil {
			out := d.output[s]
			l = &lane{first: out, last: out, emits: out}
			lanes[s], order = l, append(order, l)
		}
		l.first, l.last = min(l.first, row), max(l.last, row)
	}
	if len(order) > maxLines {
		return nil, 0
	}
	slices.SortStableFunc(order, func(a, b *lane) int { return (a.last - a.first) - (b.last - b.first) })
	for i, l := range order {
		for k := 0; k < i; k++ {
			if o := order[k]; o.column == l.column && o.first <= l.last && l.first <= o.last {
				l.column++
				k = -1 // the new column may be taken by one already passed
			}
		}
		columns = max(columns, l.column+1)
	}
	if columns > maxLanes {
		return nil, 0
	}
	return lanes, columns
}

// corners are what a line looks like where its row joins it: is there more above, and below?
var corners = map[[2]bool]rune{{true, false}: '┘', {false, true}: '┐', {true, true}: '┤'}

// gutter draws one row of the lines: two characters a column.
func (d *drawing) gutter(lanes map[source]*lane, columns, row int) string {
	cells := []rune(strings.Repeat("  ", columns+1))
	stream, reads := d.reads[row]
	var own *lane
	for s, l := range lanes {
		if l.emits == row || reads && s == stream {
			own = l
		}
		if l.first <= row && row <= l.last {
			cells[2*l.column+3] = '│'
		}
	}
	if own == nil {
		return string(cells)
	}
	end := 2*own.column + 3
	for i := 1; i < end; i++ {
		if cells[i] == '│' {
			cells[i] = '┼'
		} else {
			cells[i] = '─'
		}
	}
	if reads {
		cells[1] = '◀'
	}
	cells[end] = corners[[2]bool{own.first < row, row < own.last}]
	return string(cells)
}
