/** What runs cores in threads of their own; the threads themselves are the host's (`@opentrn/runtime`). */
export { rounds } from "../execute/meet.ts";
export { HostedCore } from "./hosted-core.ts";
export { type ProgramMessage, programFrom, programMessage } from "./program-message.ts";
export { RemoteRank, type RemoteRun, type Stop } from "./remote-rank.ts";
