import { defineConfig } from 'vitest/config';
import { ExercisedReporter } from './test/native/exercised-reporter.js';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/interop/**', '**/node_modules/**'],
    setupFiles: ['test/use-native-p256.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    passWithNoTests: false,
    reporters: ['default', new ExercisedReporter()],
  },
});
