/** Lowers tensor programs to instructions: passes, kernels for groups of operations, and the plan that ties them. */
export {};
