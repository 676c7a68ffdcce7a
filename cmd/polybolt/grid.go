package main

import (
	"strings"
	"unicode/utf8"
)

// style is how a piece of text is shown where colours are.
type style string

// The styles, as parameters of SGR (ECMA-48).
const (
	plain  style = ""
	bold   style = "1"
	faint  style = "2"
	red    style = "31"
	yellow style = "33"
)

// span is a piece of a line in one style.
type span struct {
	text  string
	style style
}

// grid lays out rows of cells in columns as wide as they need be. A header
// that begins with "<" is that of a column of words, which stand left; other
// columns are of figures, which stand right.
type grid struct {
	header []string
	rows   [][]span
}

// add adds a row; cells that are left out are empty.
func (g *grid) add(cells ...span) { g.rows = append(g.rows, cells) }

// lines returns the header and the rows, two spaces between columns.
func (g *grid) lines() [][]span {
	head := make([]span, len(g.header))
	width := make([]int, len(g.header))
	for i, h := range g.header {
		head[i] = span{strings.ToUpper(strings.TrimPrefix(h, "<")), faint} // as in all tables
		width[i] = utf8.RuneCountInString(head[i].text)
	}
	for _, row := range g.rows {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell.text))
		}
	}
	lines := make([][]span, 0, len(g.rows)+1)
	for _, row := range append([][]span{head}, g.rows...) {
		var line []span
		for i, cell := range row {
			if i > 0 {
				line = append(line, span{text: "  "})
			}
			pad := span{text: strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell.text))}
			if strings.HasPrefix(g.header[i], "<") {
				line = append(line, cell, pad)
			} else {
				line = append(line, pad, cell)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// paint writes a line of at most width characters, in colour or not. Blanks at
// its end are left out.
func paint(line []span, width int, colour bool) string {
	for n := len(line); n > 0 && strings.TrimSpace(line[n-1].text) == ""; n-- {
		line = line[:n-1]
	}
	var b strings.Builder
	for _, s := range line {
		text := s.text
		if r := []rune(text); len(r) > width {
			text = string(r[:max(width, 0)])
		}
		width -= utf8.RuneCountInString(text)
		if text != "" && colour && s.style != plain {
			text = "\x1b[" + string(s.style) + "m" + text + "\x1b[0m"
		}
		b.WriteString(text)
	}
	return b.String()
}
