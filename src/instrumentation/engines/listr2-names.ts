import type { EngineLifecycle } from '../engine-lifecycle.ts';
import type { ListrList } from './listr2.ts';
import type { ListrTask } from './listr2-task.ts';
import { nameFromTasks, nameFromTitle } from './task-names.ts';

/** What runs and tasks of listr2 are called. Titles are written for a terminal: they may hold colours and lines. */
export class Listr2Names {
  readonly #lifecycle: EngineLifecycle;

  constructor(lifecycle: EngineLifecycle) {
    this.#lifecycle = lifecycle;
  }

  /** What the application says, else the titles of the first tasks. */
  ofRun(list: ListrList): string {
    const titles = list.tasks.map(titleOf).filter((title) => title !== undefined);
    return this.#lifecycle.nameOf(list) ?? nameFromTasks(titles) ?? 'listr2';
  }

  /** The title a task was given, not what it changed it to while it ran; its place in the list where it has none. */
  ofTask(list: ListrList, task: ListrTask): string {
    return titleOf(task) ?? `task ${list.tasks.indexOf(task) + 1}`;
  }
}

function titleOf({ initialTitle, title }: ListrTask): string | undefined {
  return nameFromTitle(initialTitle ?? title);
}
