package multilang

import (
	"embed"
	"io/fs"
)

//go:embed testdata/transcripts/*.json testdata/vectors/values.json testdata/vectors/columns.json
var testdata embed.FS

// Testdata returns testdata/transcripts and the vectors that they refer to
// (values.json, columns.json), for programs that judge an SDK elsewhere.
func Testdata() (transcripts, vectors fs.FS) {
	sub := func(name string) fs.FS {
		f, err := fs.Sub(testdata, "testdata/"+name)
		if err != nil {
			panic("multilang: " + err.Error()) // a valid name is never refused
		}
		return f
	}
	return sub("transcripts"), sub("vectors")
}
