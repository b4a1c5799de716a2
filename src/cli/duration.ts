export { parseDuration } from '../lock/duration.ts';
