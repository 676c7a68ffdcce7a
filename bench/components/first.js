const { spout } = require('polybolt')

const first = spout(function* () { yield 'row' })
first.run()
