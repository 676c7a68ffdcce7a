package zk

// Watches tells how many watches the library holds for the store.
func (s *Store) Watches() int { return int(s.watching.Load()) }
