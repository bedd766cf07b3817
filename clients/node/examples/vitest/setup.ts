/** Starts one emulator for all test files. */

import type { TestProject } from 'vitest/node';

import { start } from 'fotapool';

declare module 'vitest' {
  export interface ProvidedContext {
    fotapool: string;
  }
}

export default async function setup(project: TestProject) {
  const server = await start();
  project.provide('fotapool', server.address);
  return () => server.stop();
}
