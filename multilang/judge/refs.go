package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ref names an input row: frame and row.
type ref struct{ seq, row uint32 }

func (r ref) String() string { return fmt.Sprintf("%d:%d", r.seq, r.row) }

// parseRefs reads refs as transcripts write them: "1:0", "1:0-4", "2-5:0",
// several of them separated by blanks.
func parseRefs(s string) ([]ref, error) {
	var refs []ref
	for _, word := range strings.Fields(s) {
		seqs, rows, ok := strings.Cut(word, ":")
		if !ok {
			return nil, fmt.Errorf("%q is no row: write FRAME:ROW, or FRAME:FIRST-LAST", word)
		}
		s1, s2, err := parseRange(seqs)
		if err != nil {
			return nil, err
		}
		r1, r2, err := parseRange(rows)
		if err != nil {
			return nil, err
		}
		for seq := s1; seq <= s2; seq++ {
			for row := r1; row <= r2; row++ {
				refs = append(refs, ref{seq, row})
			}
		}
	}
	return refs, nil
}

func parseRange(s string) (first, last uint32, err error) {
	a, b, two := strings.Cut(s, "-")
	if !two {
		b = a
	}
	x, err := strconv.ParseUint(a, 10, 20)
	if err != nil {
		return 0, 0, err
	}
	y, err := strconv.ParseUint(b, 10, 20)
	if err == nil && y < x {
		err = fmt.Errorf("%q runs backwards", s)
	}
	return uint32(x), uint32(y), err
}

// showRefs writes refs, of which a run of rows is written as one.
func showRefs(refs []ref) string {
	refs = sortedRefs(refs)
	var words []string
	for i := 0; i < len(refs); {
		j := i + 1
		for j < len(refs) && refs[j].seq == refs[i].seq && refs[j].row == refs[j-1].row+1 {
			j++
		}
		word := refs[i].String()
		if j > i+1 {
			word += fmt.Sprintf("-%d", refs[j-1].row)
		}
		words = append(words, word)
		i = j
	}
	return strings.Join(words, " ")
}

func sortedRefs(refs []ref) []ref {
	refs = slices.Clone(refs)
	slices.SortFunc(refs, func(a, b ref) int { return cmp.Or(cmp.Compare(a.seq, b.seq), cmp.Compare(a.row, b.row)) })
	return slices.Compact(refs)
}
