import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

/** What a call did to the disk, in the order in which calls came back. Times are milliseconds since the Unix epoch. */
export type DiskCall = {
  /** When the call came back. */
  readonly at: number;
  /** How many calls had come back when it was made: what those did, a sync covers. */
  readonly after: number;
  /** Milliseconds it took. */
  readonly took: number;
} & DiskDeed;

/** A file or folder is named by its path: none is made again under the name of one that was removed. */
export type DiskDeed =
  | { readonly kind: 'create'; readonly path: string }
  /** Cut to a length. */
  | { readonly kind: 'cut'; readonly path: string; readonly length: number }
  /** `from` undefined: at the end. */
  | {
      readonly kind: 'write';
      readonly path: string;
      readonly data: Buffer;
      readonly from: number | undefined;
    }
  | { readonly kind: 'sync'; readonly path: string }
  | { readonly kind: 'mkdir'; readonly path: string }
  | { readonly kind: 'remove'; readonly path: string }
  /** What the writer told the oracle: the number of an execution it acknowledges, or a report. */
  | { readonly kind: 'told'; readonly line: string };

/** Calls that change what is on a disk, or that name a descriptor. */
const CALLS =
  'open,openat,creat,close,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fsync,fdatasync,fallocate,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat';
/** Longer than any write of a writer: what strace would cut off could not be replayed. */
const LONGEST = 1_000_000;
/** The pipe to the oracle. */
const ORACLE = 3;

/** A command that writes down every call of the program it starts that changes a disk, with all its data. */
export function traced(file: string): readonly [command: string, ...args: string[]] {
  const filter = ['-e', `trace=${CALLS}`, '-e', 'signal=none'];
  return [
    'strace',
    '-f',
    '--seccomp-bpf',
    '-ttt',
    '-qq',
    '-xx',
    '-s',
    String(LONGEST),
    ...filter,
    '-o',
    file,
  ];
}

/** One line: who, when, and the call or a half of it. */
const LINE = /^(\d+) +(\d+\.\d+) (.*)$/;
const RESUMED = /^<\.\.\. \w+ resumed>(.*)$/;
const UNFINISHED = ' <unfinished ...>';
const CLOSE = 'close(';
const CALL = /^(\w+)\((.*)\) += (-?\d+)/;

interface BegunCall {
  readonly text: string;
  readonly at: number;
  readonly after: number;
}

/** A call as strace wrote it. */
interface CalledAs extends BegunCall {
  readonly name: string;
  readonly args: string;
  readonly result: number;
}

/**
 * Reads what {@link traced} wrote of one process. Throws for a call it does not know how to replay, so that nothing is left
 * out unseen.
 */
export async function readTrace(file: string, folder: string): Promise<readonly DiskCall[]> {
  const reader = new TraceReader(folder);
  for await (const line of createInterface({ input: createReadStream(file, 'latin1') })) reader.read(line);
  return reader.calls;
}

class TraceReader {
  readonly calls: DiskCall[] = [];
  readonly #folder: string;
  /** Calls that have not come back, by thread. */
  readonly #begun = new Map<string, BegunCall>();
  /** Paths by descriptor, of what is below the folder and of folders above. */
  readonly #open = new Map<number, { readonly path: string; readonly isAppended: boolean }>();
  readonly #known = new Set<string>();
  #told = '';

  constructor(folder: string) {
    this.#folder = folder;
  }

  read(line: string): void {
    const [, thread = '', seconds = '', text = ''] = LINE.exec(line) ?? [];
    const at = Number(seconds) * 1_000;
    const [, rest] = RESUMED.exec(text) ?? [];
    if (rest !== undefined) {
      const begun = this.#begun.get(thread);
      this.#begun.delete(thread);
      if (begun !== undefined && !begun.text.startsWith(CLOSE))
        this.#returned({ ...begun, text: begun.text + rest }, at);
    } else if (text.endsWith(UNFINISHED)) {
      const begun = { text: text.slice(0, -UNFINISHED.length), at, after: this.calls.length };
      // The descriptor may be somebody else's before the call is back: nothing is to be done then.
      if (text.startsWith(CLOSE)) this.#open.delete(Number(text.slice(CLOSE.length, -UNFINISHED.length)));
      this.#begun.set(thread, begun);
    } else {
      this.#returned({ text, at, after: this.calls.length }, at);
    }
  }

  #returned(begun: BegunCall, at: number): void {
    const [, name, args, result] = CALL.exec(begun.text) ?? [];
    if (name === undefined || args === undefined || Number(result) < 0) return;
    for (const deed of this.#deedsOf({ ...begun, name, args, result: Number(result) }))
      this.calls.push({ at, after: begun.after, took: at - begun.at, ...deed });
  }

  #deedsOf({ name, args, result }: CalledAs): readonly DiskDeed[] {
    switch (name) {
      case 'open':
      case 'creat':
      case 'openat':
        return this.#opened(name, args, result);
      case 'close':
        this.#open.delete(Number(args));
        return [];
      case 'write':
      case 'pwrite64':
      case 'writev':
      case 'pwritev':
      case 'pwritev2':
        return this.#written(name, args, result);
      case 'fsync':
      case 'fdatasync': {
        const path = this.#open.get(Number(args))?.path;
        return path === undefined ? [] : [{ kind: 'sync', path }];
      }
      case 'ftruncate': {
        const [fd, length] = args.split(', ');
        const path = this.#open.get(Number(fd))?.path;
        return path === undefined ? [] : [{ kind: 'cut', path, length: Number(length) }];
      }
      case 'mkdir':
      case 'mkdirat':
        return this.#named('mkdir', name, args);
      case 'unlink':
      case 'unlinkat':
      case 'rmdir':
        return this.#named('remove', name, args);
      default:
        if (!this.#pathsIn(args).some((path) => this.#isOurs(path))) return [];
        throw new Error(`a trace has a ${name}, which is not replayed`);
    }
  }

  #opened(name: string, args: string, fd: number): readonly DiskDeed[] {
    const [path = ''] = this.#pathsIn(args);
    // What is above the folder has to be known too: it may be synced.
    if (!this.#isOurs(path) && !this.#folder.startsWith(path)) return [];
    this.#open.set(fd, { path, isAppended: args.includes('O_APPEND') });
    if (!this.#isOurs(path)) return [];
    const deeds: DiskDeed[] = [];
    if ((args.includes('O_CREAT') || name === 'creat') && !this.#known.has(path)) {
      this.#known.add(path);
      deeds.push({ kind: 'create', path });
    } else if (args.includes('O_TRUNC')) {
      deeds.push({ kind: 'cut', path, length: 0 });
    }
    return deeds;
  }

  #written(name: string, args: string, result: number): readonly DiskDeed[] {
    const fd = Number.parseInt(args, 10);
    const open = this.#open.get(fd);
    if (open === undefined && fd !== ORACLE) return [];
    const data = Buffer.concat(
      [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex = '']) => bytesOf(hex)),
    );
    if (data.length < result) throw new Error(`strace left out data of ${name}(${fd})`);
    const written = data.subarray(0, result);
    if (open === undefined) return this.#tell(written.toString());
    const [, offset] = /, (\d+)(?:, \w+)?$/.exec(args) ?? [];
    const isPositioned = name.startsWith('p') && !open.isAppended;
    return [
      { kind: 'write', path: open.path, data: written, from: isPositioned ? Number(offset) : undefined },
    ];
  }

  #named(kind: 'mkdir' | 'remove', name: string, args: string): readonly DiskDeed[] {
    const [path = ''] = this.#pathsIn(name.endsWith('at') ? args : `AT_FDCWD, ${args}`);
    if (!this.#isOurs(path)) return [];
    if (kind === 'mkdir') this.#known.add(path);
    else this.#known.delete(path);
    return [{ kind, path }];
  }

  #tell(text: string): readonly DiskDeed[] {
    const lines = (this.#told + text).split('\n');
    this.#told = lines.pop() ?? '';
    return lines.map((line) => ({ kind: 'told', line }));
  }

  /** The paths among the arguments of a call, each with the folder's descriptor before it if there is one. */
  #pathsIn(args: string): readonly string[] {
    return [...args.matchAll(/(?:^(\d+), )?"((?:\\x[0-9a-f]{2})*)"/g)].map(([, fd, hex = '']) => {
      const base = fd === undefined ? undefined : this.#open.get(Number(fd))?.path;
      const path = bytesOf(hex).toString();
      return base === undefined ? path : resolve(base, path);
    });
  }

  #isOurs(path: string): boolean {
    return path === this.#folder || path.startsWith(`${this.#folder}/`);
  }
}

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll('\\x', ''), 'hex');
}
