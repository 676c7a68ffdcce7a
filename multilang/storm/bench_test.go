package storm

import (
	"fmt"
	"testing"

	"github.com/polybolt/polybolt/multilang"
)

// BenchmarkSplit is what a sentence of six words costs on its way to a child
// and back, with and without task ids: one frame of 16 rows, its replies, and the ids.
func BenchmarkSplit(b *testing.B) {
	for _, ids := range []bool{true, false} {
		for _, form := range []Form{JSON, Msgpack} {
			b.Run(fmt.Sprintf("ids=%t/form=%d", ids, form), func(b *testing.B) {
				const n = 16
				a := New(Options{Form: form, Component: "split", Inputs: []Input{{"lines", "default"}}, Outputs: []Output{{Stream: "default", Fields: []string{"word"}}}})
				col := multilang.Builder{}
				for range n {
					col.AddValue(multilang.AppendStr(nil, "the cow jumped over the moon"))
				}
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					f, at := multilang.BeginFrame(nil)
					f = multilang.AppendDataHead(f, uint32(i+1), 0, 4, n, false)
					f = multilang.EndFrame(multilang.AppendColumns(f, []multilang.Column{col.Column()}), at)
					if err := a.Host(f); err != nil {
						b.Fatal(err)
					}
					var out []byte
					for row := range n {
						id := fmt.Sprint(2 * (i*n + row + 1))
						for range 6 {
							if form == JSON {
								out = fmt.Appendf(out, `{"command": "emit", "anchors": ["%s"], "tuple": ["jumped"], "need_task_ids": %t}`+"\nend\n", id, ids)
							} else {
								m, _ := multilang.Append(nil, map[string]any{"command": "emit", "anchors": []any{id}, "tuple": []any{"jumped"}, "need_task_ids": ids})
								out = append(out, m...)
							}
						}
						if form == JSON {
							out = fmt.Appendf(out, `{"command": "ack", "id": "%s"}`+"\nend\n", id)
						} else {
							m, _ := multilang.Append(nil, map[string]any{"command": "ack", "id": id})
							out = append(out, m...)
						}
					}
					if used, _, err := a.Child(out); err != nil || used != len(out) {
						b.Fatal(used, err)
					}
					a.Take()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/sentence")
			})
		}
	}
}
