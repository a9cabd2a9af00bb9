import type { AccountedInstance } from './ledger-instances.ts';
import { printable } from './printable.ts';
import { formatCount } from './quantities.ts';
import { type Cell, renderTable } from './table.ts';
import type { Terminal } from './terminal.ts';

/** Processes with where each of their records is, as a table. */
export function renderInstances(instances: readonly AccountedInstance[], terminal: Terminal): string {
  return renderTable(
    [
      { title: 'PROCESS', minWidth: 12 },
      { title: 'STATE' },
      { title: 'CREATED', align: 'right' },
      { title: 'STORED', align: 'right' },
      { title: 'PRUNED', align: 'right' },
      { title: 'QUARANTINED', align: 'right' },
      { title: 'LOST', align: 'right' },
      { title: 'MISSING', align: 'right' },
      { title: 'WHY', canGoBelow: true },
    ],
    instances.map((instance) => [
      { text: printable(`${instance.service_name} ${instance.pid}@${instance.host}`) },
      { text: instance.state },
      count(instance.last_seq),
      count(instance.stored),
      count(instance.pruned),
      count(instance.quarantined),
      count(instance.lost, 'bad'),
      count(instance.missing, instance.state === 'living' ? undefined : 'bad'),
      { text: printable(reasonsOf(instance)) },
    ]),
    terminal,
  );
}

function count(value: number, lookWhereAny?: 'bad'): Cell {
  return {
    text: formatCount(value),
    ...(value !== 0 && lookWhereAny !== undefined && { look: lookWhereAny }),
  };
}

function reasonsOf({ losses, missing, state }: AccountedInstance): string {
  const reasons = losses.map(
    ({ reason, records, first_seq, last_seq }) =>
      `${reason} ${formatCount(records)} (seq ${first_seq} to ${last_seq})`,
  );
  if (missing > 0) reasons.push(state === 'living' ? 'on their way' : 'nobody knows');
  return reasons.join(', ');
}
