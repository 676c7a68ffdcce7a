import { bolt } from 'polybolt'

let kept = 0

bolt(({ verdict }) => {
  if (verdict === 'good') kept++
}).run()
