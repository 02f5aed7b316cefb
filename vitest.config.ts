import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@opentrn/source"] },
  ssr: { resolve: { conditions: ["@opentrn/source"] } },
  test: {
    include: [
      "packages/**/*.test.ts",
      "apps/**/*.test.ts",
      "examples/**/*.test.ts",
      "bench/**/*.test.ts",
    ],
    testTimeout: 60_000,
    pool: "threads",
    maxWorkers: 2,
  },
});
