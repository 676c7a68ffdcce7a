// The same module for `import`: one core, so that there is one class Bolt.
import polybolt from './index.js';

export const { Bolt, Spout, bolt, spout, emitTo, Context, Tuple, Timestamp } = polybolt;
export default polybolt;
