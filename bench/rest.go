package main

func (b *bench) latency() error { return nil }
func (b *bench) trickle() error { return nil }
func (b *bench) slow() error    { return nil }
func (b *bench) start() error   { return nil }
func (b *bench) memory() error  { return nil }
func (b *bench) binary() error  { return nil }
