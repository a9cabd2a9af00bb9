import { availableParallelism } from 'node:os';

/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/support/strip-types.js' },
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  modulePathIgnorePatterns: [
    '<rootDir>/dist/',
    '<rootDir>/test/package/[^/]+/',
    '<rootDir>/test/engines/[^/]+/(newest|oldest)/',
  ],
  // Most tests wait for processes and servers of their own.
  maxWorkers: availableParallelism() + 1,
  testTimeout: 60_000,
};
