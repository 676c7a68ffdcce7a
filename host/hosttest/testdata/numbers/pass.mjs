// A bolt: each number, and a key for it.
import { bolt } from 'polybolt'

const pass = bolt(({ n }) => [n, `key-${n % 100}`])
pass.run()
