// Random Programs, checked: `npm run fuzz -- --count N --seed S [--kind programs|rules|files] [--op NAME] [--draw K] [--json]`. The built
// packages must be there (`npm run build`). Progress goes to stderr; every failure is printed with the seed and draw that repeat it. Exit
// code 1 when something disagrees.
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    kind: { type: "string", default: "programs" },
    op: { type: "string" },
    draw: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const load = (name) => import(`../packages/device/dist/fuzz/${name}.js`);
const { instructions } = await import("../packages/isa/dist/index.js");

/** A kind of fuzzing: what is drawn of, and a try that returns a failure's reason, `undefined`, or `false` when the draw made nothing. */
const kinds = {
  programs: async () => {
    const { subjectName, subjects, tryDraw } = await load("campaign");
    return {
      subjects,
      subjectName,
      attempt: (subject, seed, draw) => {
        const result = tryDraw(subject, seed, draw);
        if (typeof result === "string") return result === "none" ? false : undefined;
        return `${result.why}\n${result.program}`;
      },
    };
  },
  rules: async () => {
    const { tryRules } = await load("rule-breaking");
    return {
      subjects: instructions,
      subjectName: (op) => op.name,
      attempt: (op, seed, draw) =>
        tryRules(op, seed, draw) === "does not fit" ? false : undefined,
    };
  },
  files: async () => {
    const { feed, hostileFile } = await load("hostile");
    const MOST_MS = 10_000;
    return {
      subjects: ["damaged file"],
      subjectName: (name) => name,
      attempt: (_, seed, draw) => {
        const file = hostileFile(seed, draw);
        if (!file) return false;
        const started = performance.now();
        feed(file);
        const ms = performance.now() - started;
        return ms > MOST_MS ? `took ${ms.toFixed(0)} ms` : undefined;
      },
    };
  },
};

const usage = (why) => {
  console.error(why);
  process.exit(2);
};
const seed = Number(values.seed);
const count = Number(values.count);
if (!(values.kind in kinds))
  usage(`no kind ${values.kind}; choose ${Object.keys(kinds).join(", ")}`);
if (!Number.isInteger(seed) || !Number.isInteger(count) || count < 1)
  usage("--seed and --count are integers, --count at least 1");
const { subjects, subjectName, attempt } = await kinds[values.kind]();
const chosen = values.op ? subjects.filter((s) => subjectName(s) === values.op) : subjects;
if (chosen.length === 0)
  usage(`no ${values.op}; choose one of ${subjects.map(subjectName).join(", ")}`);

const MOST_FAILURES = 20;
const tally = new Map(chosen.map((s) => [subjectName(s), { draws: 0, checked: 0 }]));
const failures = [];
const started = performance.now();
let said = started;
let checked = 0;
const seconds = () => (performance.now() - started) / 1000;

const tryOne = (subject, draw) => {
  const name = subjectName(subject);
  const row = tally.get(name);
  row.draws++;
  let why;
  try {
    why = attempt(subject, seed, draw);
  } catch (e) {
    why = e instanceof Error ? e.stack : String(e);
  }
  if (why === false) return;
  row.checked++;
  checked++;
  if (why === undefined) return;
  failures.push({ subject: name, seed, draw, why });
  if (!values.json)
    console.log(
      `FAILED --kind ${values.kind} --op "${name}" --seed ${seed} --draw ${draw}: ${why}`,
    );
};

const first = values.draw === undefined ? 0 : Number(values.draw);
const last = values.draw === undefined ? Number.POSITIVE_INFINITY : first;
for (let draw = first; draw <= last && checked < count; draw++) {
  for (const subject of chosen)
    if (checked < count && failures.length < MOST_FAILURES) tryOne(subject, draw);
  if (failures.length >= MOST_FAILURES) break;
  if (performance.now() - said < 5000) continue;
  said = performance.now();
  const rate = (checked / seconds()).toFixed(0);
  console.error(`${checked} of ${count}, ${rate} a second, ${failures.length} failures`);
}
const rate = checked / seconds();
if (values.json)
  console.log(
    JSON.stringify({
      kind: values.kind,
      seed,
      checked,
      seconds: seconds(),
      rate,
      failures,
      subjects: Object.fromEntries(tally),
    }),
  );
else
  console.log(
    `${values.kind}: ${checked} checked in ${seconds().toFixed(1)} s, ${rate.toFixed(0)} a second, seed ${seed}: ${failures.length} failures`,
  );
process.exitCode = failures.length === 0 ? 0 : 1;
