#!/usr/bin/env node
import { hideExperimentalWarnings, standardIo, tolerateClosedPipes } from './cli-io.ts';
import { runProgram } from './program.ts';

tolerateClosedPipes();
hideExperimentalWarnings();
const exitCode = await runProgram(process.argv.slice(2), standardIo());
if (exitCode !== 0) process.exitCode = exitCode;
