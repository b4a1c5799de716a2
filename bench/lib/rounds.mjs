import { median } from './stats.mjs';

/**
 * @typedef {object} Candidate
 * @property {string} name
 * @property {(iterations: number) => unknown} run does the work this many times; may return a promise
 */

/**
 * @typedef {object} Timing
 * @property {string} name
 * @property {number} perOperation nanoseconds on the clock, median over the rounds
 * @property {number} ratio to the first candidate, median of the rounds' own ratios
 * @property {number} cpu nanoseconds of processor time of this process, mean over all rounds: garbage collection counts
 * @property {number} cpuRatio to the first candidate
 */

/** @typedef {{ clock: number, cpu: number }} Elapsed nanoseconds */

const FEWEST_SAMPLES = 5;

/**
 * Times all candidates in every round, each round in another order, so that whatever else the machine does meets all of
 * them. The first candidate is the floor. Candidates of which one operation overruns a slice sit out most rounds.
 *
 * @param {readonly Candidate[]} candidates
 * @param {{ rounds: number, slice: number }} plan slice: milliseconds for one candidate in one round
 * @returns {Promise<Timing[]>}
 */
export async function interleave(candidates, { rounds, slice }) {
  const plans = [];
  for (const candidate of candidates) {
    const count = await calibrate(candidate, slice);
    const overrun = (await time(candidate, count)).clock / (slice * 1e6);
    const every = Math.max(1, Math.min(Math.floor(overrun), Math.floor(rounds / FEWEST_SAMPLES)));
    plans.push({ candidate, count, every, samples: /** @type {(Elapsed | undefined)[]} */ ([]) });
  }
  for (let round = 0; round < rounds; round++) {
    for (let step = 0; step < plans.length; step++) {
      const plan = plans[(step + round) % plans.length];
      if (plan === undefined) continue;
      const { candidate, count, every, samples } = plan;
      samples.push(round % every === 0 ? perOperation(await time(candidate, count), count) : undefined);
    }
  }
  const floor = plans[0]?.samples ?? [];
  const floorCpu = mean(defined(floor).map(({ cpu }) => cpu));
  return plans.map(({ candidate: { name }, samples }) => {
    const ratios = samples.map(
      (own, round) => (own?.clock ?? Number.NaN) / (floor[round]?.clock ?? Number.NaN),
    );
    const cpu = mean(defined(samples).map((own) => own.cpu));
    return {
      name,
      perOperation: median(defined(samples).map(({ clock }) => clock)),
      ratio: median(ratios.filter((ratio) => !Number.isNaN(ratio))),
      cpu,
      cpuRatio: cpu / floorCpu,
    };
  });
}

/**
 * How many iterations fill a slice, once the code is warm: counts grow until two runs in a row take long enough.
 *
 * @param {Candidate} candidate @param {number} slice
 */
async function calibrate(candidate, slice) {
  let enough = 0;
  for (let count = 1; ; ) {
    const elapsed = (await time(candidate, count)).clock / 1e6;
    enough = elapsed >= slice / 2 ? enough + 1 : 0;
    if (enough === 2) return Math.max(1, Math.round((count * slice) / elapsed));
    if (enough === 0) count *= 4;
  }
}

/** @param {Candidate} candidate @param {number} iterations @returns {Promise<Elapsed>} */
async function time(candidate, iterations) {
  const used = process.cpuUsage();
  const start = process.hrtime.bigint();
  await candidate.run(iterations);
  const clock = Number(process.hrtime.bigint() - start);
  const { user, system } = process.cpuUsage(used);
  return { clock, cpu: (user + system) * 1e3 };
}

/** @param {Elapsed} elapsed @param {number} count */
function perOperation({ clock, cpu }, count) {
  return { clock: clock / count, cpu: cpu / count };
}

/** @param {readonly (Elapsed | undefined)[]} samples */
function defined(samples) {
  return samples.filter((sample) => sample !== undefined);
}

/** @param {readonly number[]} values */
function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
