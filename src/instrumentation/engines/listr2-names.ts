import type { EngineLifecycle } from '../engine-lifecycle.ts';
import type { ListrList } from './listr2.ts';
import type { ListrTask } from './listr2-task.ts';
import { nameFromParts } from './name-from-parts.ts';

/** Characters kept of a title. */
const MAX_LENGTH = 80;

/** What runs and tasks of listr2 are called. Titles are written for a terminal: they may hold colours and lines. */
export class Listr2Names {
  readonly #lifecycle: EngineLifecycle;

  constructor(lifecycle: EngineLifecycle) {
    this.#lifecycle = lifecycle;
  }

  /** What the application says, else the titles of the first tasks, so that one program's runs share a name. */
  ofRun(list: ListrList): string {
    const given = this.#lifecycle.nameOf(list);
    if (given !== undefined) return given;
    const titles = list.tasks.map(titleOf).filter((title) => title !== undefined);
    return nameFromParts(titles) ?? 'listr2';
  }

  /** The title a task was given, not what it changed it to while it ran; its place in the list where it has none. */
  ofTask(list: ListrList, task: ListrTask): string {
    return titleOf(task) ?? `task ${list.tasks.indexOf(task) + 1}`;
  }
}

function titleOf({ initialTitle, title }: ListrTask): string | undefined {
  const text = initialTitle ?? title;
  if (typeof text !== 'string') return undefined;
  const { stripVTControlCharacters } = process.getBuiltinModule('node:util');
  const [line = ''] = stripVTControlCharacters(text).trim().split('\n', 1);
  return line === '' ? undefined : line.slice(0, MAX_LENGTH).trimEnd();
}
