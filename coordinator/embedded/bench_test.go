package embedded

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/polybolt/polybolt/coordinator"
)

// From New to Ready: part of the start of "polybolt run".
func BenchmarkStart(b *testing.B) {
	for name, nodes := range map[string]int{"memory": -1, "empty folder": 0, "1000 nodes": 1000} {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			o := memory()
			if nodes >= 0 {
				o.Dir = filepath.Join(dir, "data")
			}
			if nodes > 0 {
				s, stop := start(b, o)
				c := client(b, s)
				for i := range nodes {
					if err := c.Apply(b.Context(), coordinator.Create(fmt.Sprintf("/n%d", i), make([]byte, 200))); err != nil {
						b.Fatal(err)
					}
				}
				_ = c.Close()
				stop()
			}
			for b.Loop() {
				_, stop := start(b, o)
				b.StopTimer()
				stop()
				b.StartTimer()
			}
		})
	}
}

// Changes through the client, over a Unix socket, safe on disk.
func BenchmarkChange(b *testing.B) {
	for _, where := range []string{"memory", "disk"} {
		for _, clients := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/%d", where, clients), func(b *testing.B) {
				o := DefaultOptions()
				dir := b.TempDir()
				o.Address = unixPrefix + filepath.Join(dir, "s")
				if where == "disk" {
					o.Dir = dir
				}
				s, _ := start(b, o)
				c := client(b, s)
				if err := c.Apply(b.Context(), coordinator.Create("/x", nil)); err != nil {
					b.Fatal(err)
				}
				b.SetParallelism(clients)
				b.ResetTimer()
				change := func() {
					if err := c.Apply(b.Context(), coordinator.Set("/x", []byte("some data"), coordinator.AnyVersion)); err != nil {
						b.Error(err)
					}
				}
				if clients == 1 {
					for b.Loop() {
						change()
					}
					return
				}
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						change()
					}
				})
			})
		}
	}
}

// From Open to the first answer: the other part of that start.
func BenchmarkFirstAnswer(b *testing.B) {
	o := DefaultOptions()
	dir := b.TempDir()
	o.Address, o.Dir = unixPrefix+filepath.Join(dir, "s"), dir
	s, _ := start(b, o)
	for b.Loop() {
		c := client(b, s)
		if _, err := c.Get(b.Context(), "/"); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
