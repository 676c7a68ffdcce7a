import { bolt } from 'polybolt'

bolt(function* ({ line }) {
  for (const word of line.toLowerCase().match(/[a-z]+/g) ?? []) yield word
}).run()
