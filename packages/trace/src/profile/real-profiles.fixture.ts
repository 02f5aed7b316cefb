/** Where tests find real dumps: OPENTRN_PROFILES, or shared/data/profiles beside the checkout. They are not part of the repository. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const profileFolder =
  process.env["OPENTRN_PROFILES"] ??
  fileURLToPath(new URL("../../../../../shared/data/profiles", import.meta.url));

/** Paths of the dumps, sorted; empty where there are none. */
export const realProfiles: readonly string[] = existsSync(profileFolder)
  ? readdirSync(profileFolder)
      .filter((f) => f.endsWith(".json"))
      .sort()
      .map((f) => join(profileFolder, f))
  : [];

/** Title of a test that needs them; says why it is skipped. */
export const needsProfiles = (title: string): string =>
  realProfiles.length > 0 ? title : `${title} (skipped: no dumps; set OPENTRN_PROFILES)`;
