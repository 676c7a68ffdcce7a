// A bolt: the other half of a cycle.
import './scene.mjs';
import { bolt } from 'polybolt';

bolt(({ id, depth }) => [id, depth]).run();
