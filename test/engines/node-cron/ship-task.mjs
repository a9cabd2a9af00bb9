// A task that is a file: a process of its own runs it.
import { conformanceScenario } from 'runledger/testing';

export const task = () => conformanceScenario('cross-process').work.ship();
