/**
 * Which ScalarE functions share a look-up table. The grouping is not published, so the least is assumed: functions that need no
 * table are in every one, and each other function has its own.
 */
export const commonTables = {
  everywhere: ["copy", "relu", "prelu", "abs", "sign", "square"],
  shared: [] as readonly (readonly string[])[],
};
