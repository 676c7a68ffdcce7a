package topology

import (
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxListed  = 12  // valid names that a message lists when none is near
	maxGuesses = 100 // searches for the nearest name: hostile files could ask for millions
)

// suggest ends a message about an unknown name: with the nearest valid one, or
// with all of them where they are few, or with nothing.
func (p *problems) suggest(got string, valid []string) string {
	if p.guesses++; p.guesses > maxGuesses {
		return ""
	}
	return Suggest(got, valid)
}

// Suggest returns the end of a message about an unknown name: the nearest valid
// one, or all of them where they are few, or nothing.
func Suggest(got string, valid []string) string {
	if near := nearest(got, valid); near != "" {
		return ", did you mean " + quote(near) + "?"
	}
	if len(valid) == 0 || len(valid) > maxListed {
		return ""
	}
	return " (there are: " + strings.Join(valid, ", ") + ")"
}

// nearest returns the valid name that got was probably meant to be, or "".
// Case, "-" and "_" weigh nothing, and a name that begins or ends with the
// other counts as near: parallelism_hint, max_pending_tuples.
func nearest(got string, valid []string) string {
	// A long text is no misspelt name, and the distance costs its square.
	if got == "" || utf8.RuneCountInString(got) > maxQuoted {
		return ""
	}
	best, bestDistance := "", 1<<30
	plain := fold(got)
	for _, v := range valid {
		f := fold(v)
		d := distance(plain, f)
		short := min(len(plain), len(f))
		if short >= 4 && (affix(plain, f) || affix(f, plain)) {
			d = min(d, 1)
		}
		// A third of the letters may be wrong, one always: "fom" is "from", "x" is nobody.
		if d <= max(1, max(len(plain), len(f))/3) && d < max(len(plain), len(f)) && d < bestDistance {
			best, bestDistance = v, d
		}
	}
	return best
}

func affix(long, part []rune) bool {
	return len(long) >= len(part) && (slices.Equal(long[:len(part)], part) || slices.Equal(long[len(long)-len(part):], part))
}

var separators = strings.NewReplacer("-", "", "_", "")

func fold(s string) []rune {
	return []rune(strings.ToLower(separators.Replace(s)))
}

// distance is the optimal string alignment distance: inserted, deleted,
// replaced and swapped neighbouring letters count one each.
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(row[j-1]+1, last[j]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
