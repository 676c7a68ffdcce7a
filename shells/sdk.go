package shells

// SDK is our Python and Node libraries, unpacked in a folder of this machine.
type SDK struct {
	dir   string // holds python/ and node/
	state string
}
