// Random Programs, checked: `npm run fuzz -- --count N --seed S [--op NAME] [--draw K] [--json]`. The built package must be there
// (`npm run build`). Prints progress to stderr; every failure with the seed and draw that repeat it. Exit code 1 when something disagrees.
import { parseArgs } from "node:util";
import { subjectName, subjects, tryDraw } from "../packages/device/dist/fuzz/campaign.js";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    op: { type: "string" },
    draw: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed);
const count = Number(values.count);
const chosen = values.op ? subjects.filter((s) => subjectName(s) === values.op) : subjects;
if (chosen.length === 0) {
  console.error(`no subject ${values.op}; choose one of ${subjects.map(subjectName).join(", ")}`);
  process.exit(2);
}
if (!Number.isInteger(seed) || !Number.isInteger(count) || count < 1) {
  console.error("--seed and --count are integers, --count at least 1");
  process.exit(2);
}

const MOST_FAILURES = 20;
const tally = new Map(chosen.map((s) => [subjectName(s), { draws: 0, valid: 0 }]));
const failures = [];
const started = performance.now();
let said = started;
let valid = 0;
const first = values.draw === undefined ? 0 : Number(values.draw);
const last = values.draw === undefined ? Number.POSITIVE_INFINITY : first;
for (let draw = first; draw <= last && valid < count; draw++) {
  for (const subject of chosen) {
    if (valid >= count || failures.length >= MOST_FAILURES) break;
    const row = tally.get(subjectName(subject));
    row.draws++;
    const result = tryDraw(subject, seed, draw);
    if (result === "none") continue;
    row.valid++;
    valid++;
    if (result === "valid") continue;
    failures.push(result);
    if (!values.json)
      console.log(
        `FAILED --op ${result.subject} --seed ${seed} --draw ${draw}: ${result.why}\n${result.program}`,
      );
  }
  if (failures.length >= MOST_FAILURES) break;
  if (performance.now() - said < 5000) continue;
  said = performance.now();
  const rate = valid / ((said - started) / 1000);
  console.error(
    `${valid} of ${count} Programs, ${rate.toFixed(0)} a second, ${failures.length} failures`,
  );
}
const seconds = (performance.now() - started) / 1000;
const rate = valid / seconds;
if (values.json)
  console.log(
    JSON.stringify({
      seed,
      programs: valid,
      seconds,
      rate,
      failures,
      subjects: Object.fromEntries(tally),
    }),
  );
else
  console.log(
    `${valid} Programs of ${chosen.length} kinds in ${seconds.toFixed(1)} s, ${rate.toFixed(0)} a second, seed ${seed}: ${failures.length} failures`,
  );
process.exitCode = failures.length === 0 ? 0 : 1;
