import { ATTR_ENGINE } from '../semconv.ts';
import type { ExecutionRow } from '../store/execution-row.ts';
import type { ExpectedExecution } from './expected-execution.ts';
import { ATTR_INSIDE } from './scenario-work.ts';

/** A record with those below it. */
interface RecordNode {
  readonly row: ExecutionRow;
  readonly children: readonly RecordNode[];
}

/** What is expected, and what is on record, in lines that are equal where everything is as expected. */
export interface Comparison {
  readonly expected: string;
  readonly recorded: string;
}

/**
 * Compares what is on record with what is expected. Siblings have no order. Processes an engine makes of its own
 * between a run and its units are left out of account; nothing else is: an execution too many is a difference.
 */
export function compareRecords(
  rows: readonly ExecutionRow[],
  expected: readonly ExpectedExecution[],
  engine: string,
): Comparison {
  const names = new Set(namesOf(expected));
  const roots = forestOf(rows).flatMap((root) => withoutOwnProcesses(root, names));
  const runs = new Set(roots.map(({ row }) => row.run_id));
  const describe = (node: RecordNode, among: readonly ExpectedExecution[]): Line => {
    const { row } = node;
    const match = matchOf(row, among);
    const own = [
      recordLine(row, match),
      ...(runs.has(row.run_id) ? [] : ['in another run']),
      ...(engineOf(row) === engine ? [] : [`of engine ${JSON.stringify(engineOf(row))}`]),
    ];
    return {
      text: own.join(', '),
      children: node.children.map((child) => describe(child, match?.children ?? [])),
    };
  };
  return {
    expected: textOf(expected.map(expectedLine)),
    recorded: textOf(roots.map((root) => describe(root, expected))) || '(nothing)',
  };
}

interface Line {
  readonly text: string;
  readonly children: readonly Line[];
}

function textOf(lines: readonly Line[], indent = '  '): string {
  const blocks = lines.map(({ text, children }) =>
    [`${indent}${text}`, ...(children.length > 0 ? [textOf(children, `${indent}  `)] : [])].join('\n'),
  );
  return blocks.sort().join('\n');
}

function expectedLine(expected: ExpectedExecution): Line {
  const { kind, name, attempt, outcome, children, isInside } = expected;
  const facts = [
    `${headOf(kind, name, attempt)}: ${outcome.join(' or ')}`,
    ...factsOf(expected, (fact) => expected[fact]),
    ...(isInside ? ['inside'] : []),
  ];
  return { text: facts.join(', '), children: children.map(expectedLine) };
}

function recordLine(row: ExecutionRow, expected: ExpectedExecution | undefined): string {
  const outcome = row.outcome ?? row.state;
  const isAsExpected = expected?.outcome.some((each) => each === outcome) === true;
  const name = expected !== undefined && expected.name === undefined ? undefined : row.name;
  const facts = [
    `${headOf(row.kind, name, row.attempt)}: ${isAsExpected ? expected.outcome.join(' or ') : outcome}`,
    ...factsOf(expected, (fact) => (fact === 'recoveredFailures' ? recoveredIn(row) : row[COLUMNS[fact]])),
  ];
  if (expected?.isInside === true) facts.push(insideOf(row));
  if (expected?.isLast === false && row.final === 1) facts.push('marked as the last attempt');
  if (expected?.isLast === true && row.final === 0) facts.push('marked as not the last attempt');
  return facts.join(', ');
}

/** In this process and in others: for an engine whose work goes on elsewhere both are the same. */
function recoveredIn(row: ExecutionRow): number {
  return (row.recovered_failures ?? 0) + (row.remote_failures ?? 0);
}

function headOf(kind: string, name: string | undefined, attempt: number): string {
  return `${kind} ${name ?? '(any name)'}${attempt > 1 ? ` #${attempt}` : ''}`;
}

const COLUMNS = {
  errorType: 'error_type',
  errorMessage: 'error_message',
  failedStep: 'failed_step',
  recoveredFailures: 'recovered_failures',
  skipReason: 'skip_reason',
  rejectionReason: 'rejection_reason',
} as const satisfies Partial<Record<keyof ExpectedExecution, keyof ExecutionRow>>;

type Fact = keyof typeof COLUMNS;
const FACTS = Object.keys(COLUMNS) as readonly Fact[];

/** The facts that are looked at: those an expectation speaks of, or all of a record nobody expected. */
function factsOf(expected: ExpectedExecution | undefined, read: (fact: Fact) => unknown): readonly string[] {
  return FACTS.filter((fact) => expected === undefined || expected[fact] !== undefined).flatMap((fact) => {
    const value = read(fact);
    return value === null || value === 0
      ? []
      : [`${COLUMNS[fact].replace('_', ' ')} ${JSON.stringify(value)}`];
  });
}

function insideOf(row: ExecutionRow): string {
  const inside = attributesOf(row)[ATTR_INSIDE];
  return inside === `${row.name} in ${row.span_id}`
    ? 'inside'
    : `not inside (${String(inside ?? 'no execution')})`;
}

function engineOf(row: ExecutionRow): unknown {
  return attributesOf(row)[ATTR_ENGINE];
}

function attributesOf(row: ExecutionRow): Readonly<Record<string, unknown>> {
  return row.attributes === null ? {} : JSON.parse(row.attributes);
}

function matchOf(row: ExecutionRow, among: readonly ExpectedExecution[]): ExpectedExecution | undefined {
  return among.find(({ kind, name, attempt }) => {
    return (name === undefined ? row.kind === kind : row.name === name) && row.attempt === attempt;
  });
}

function namesOf(expected: readonly ExpectedExecution[]): readonly string[] {
  return expected.flatMap(({ name, children }) => [
    ...(name === undefined ? [] : [name]),
    ...namesOf(children),
  ]);
}

function forestOf(rows: readonly ExecutionRow[]): readonly RecordNode[] {
  const ids = new Set(rows.map((row) => row.record_id));
  const nodeOf = (row: ExecutionRow): RecordNode => ({
    row,
    children: rows.filter((each) => each.parent_record_id === row.record_id).map(nodeOf),
  });
  return rows.filter(({ parent_record_id: parent }) => parent === null || !ids.has(parent)).map(nodeOf);
}

/** The node, or in place of a process that no scenario speaks of, what is below it. */
function withoutOwnProcesses(node: RecordNode, names: ReadonlySet<string>): readonly RecordNode[] {
  const children = node.children.flatMap((child) => withoutOwnProcesses(child, names));
  const isOwn = node.row.kind === 'process' && !names.has(node.row.name);
  return isOwn ? children : [{ row: node.row, children }];
}
