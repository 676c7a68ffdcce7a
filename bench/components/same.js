const { bolt } = require('polybolt')

const same = bolt(({ row }) => row)
same.run()
