import type { Command } from 'commander';
import type { RefusalFile } from '../../export/quarantine-files.ts';
import { CliError } from '../cli-error.ts';
import type { CliIo, GlobalOptions } from '../cli-io.ts';
import { existingLedger, shownLedger, withLedger, withStore } from '../ledger-location.ts';
import { jsonDocument, printable } from '../printable.ts';
import { formatCount, formatTime } from '../quantities.ts';
import { drop, replay, withQuarantine } from '../quarantine-release.ts';
import { type Quarantined, quarantinedElsewhere, readQuarantined } from '../quarantined-records.ts';
import { JSON_SCHEMA_VERSION } from '../row-json.ts';
import { quarantineFolder } from '../spool-recovery.ts';
import { renderTable } from '../table.ts';

interface SelectionOptions extends GlobalOptions {
  readonly all?: true;
}

/**
 * Adds `quarantine`: records the store refused for their content. `--json`: `list` and `show` print `{schema_version,
 * ledger, quarantined: [{record_id, rev, reason, at, instance_id, seq, file, record}]}`, `list` also `elsewhere: [{host, records}]`,
 * `replay` `{…, stored, refused: [{record_id, reason}]}` and `drop` `{…, dropped}`. `replay` exits with 1 where a record is refused again.
 */
export function addQuarantineCommand(program: Command, io: CliIo): void {
  const quarantine = program
    .command('quarantine')
    .description('list, show, replay or drop records the store refused for their content');
  quarantine
    .command('list', { isDefault: true })
    .description('list what is in quarantine, newest first')
    .action(async (_: unknown, command: Command) => {
      const options: GlobalOptions = command.optsWithGlobals();
      const location = existingLedger(options.ledger, process.env);
      const files = await quarantineFolder(location).list();
      const [found, elsewhere] = await withLedger(location, async (ledger) => [
        await readQuarantined(ledger, files),
        await quarantinedElsewhere(ledger, files),
      ]);
      if (options.json) io.out(documentOf(location, { quarantined: found, elsewhere }));
      else if (found.length > 0) io.out(tableOf(found, io));
      else if (elsewhere.length === 0) io.note('nothing is in quarantine');
      if (options.json) return;
      for (const { host, records } of elsewhere)
        io.note(`${formatCount(records)} are in files beside the spool on ${printable(host)}: look there`);
    });
  quarantine
    .command('show')
    .description('print records in quarantine, whole')
    .argument('<ids...>', 'record ids, or the start of them')
    .action(async (ids: string[], _: unknown, command: Command) => {
      const options: GlobalOptions = command.optsWithGlobals();
      const location = existingLedger(options.ledger, process.env);
      const found = await selected(location, await quarantineFolder(location).list(), ids);
      if (options.json) io.out(documentOf(location, { quarantined: found }));
      else for (const { record, ...rest } of found) io.out(jsonDocument({ ...rest, record }));
    });
  quarantine
    .command('replay')
    .description('try to store records again, as they are')
    .argument('[ids...]', 'record ids, or the start of them')
    .option('--all', 'everything in quarantine')
    .action(async (ids: string[], _: unknown, command: Command) => {
      const options: SelectionOptions = command.optsWithGlobals();
      const location = existingLedger(options.ledger, process.env);
      await withQuarantine(quarantineFolder(location), async (files) => {
        const found = await selected(location, files, ids, options);
        const refused = await withStore(location, (store) => replay(store, found));
        const stored = found.length - refused.length;
        if (refused.length > 0) io.fail();
        if (options.json) {
          io.out(documentOf(location, { stored, refused }));
          return;
        }
        io.out(`stored ${formatCount(stored)} of ${formatCount(found.length)} records\n`);
        for (const { record_id, reason } of refused) io.note(`${printable(record_id)}: ${printable(reason)}`);
      });
    });
  quarantine
    .command('drop')
    .description('give records up for good; they count as lost')
    .argument('[ids...]', 'record ids, or the start of them')
    .option('--all', 'everything in quarantine')
    .action(async (ids: string[], _: unknown, command: Command) => {
      const options: SelectionOptions = command.optsWithGlobals();
      const location = existingLedger(options.ledger, process.env);
      await withQuarantine(quarantineFolder(location), async (files) => {
        const found = await selected(location, files, ids, options);
        const dropped = await withStore(location, (store) => drop(store, found));
        if (options.json) io.out(documentOf(location, { dropped }));
        else io.out(`dropped ${formatCount(dropped)} records\n`);
      });
    });
}

/** Throws where nothing is asked for, or something that is not there. */
async function selected(
  location: string,
  files: readonly RefusalFile[],
  ids: readonly string[],
  options: SelectionOptions = {},
): Promise<readonly Quarantined[]> {
  if (ids.length === 0 && options.all !== true)
    throw new CliError('say which: record ids, or --all for everything in quarantine.');
  const found = await withLedger(location, (ledger) => readQuarantined(ledger, files, ids));
  const unknown = ids.find((id) => !found.some(({ record_id }) => record_id.startsWith(id)));
  if (unknown === undefined) return found;
  throw new CliError(
    `no record in quarantine begins with ${printable(unknown)}. "quarantine list" shows them.`,
  );
}

function tableOf(records: readonly Quarantined[], { terminal }: CliIo): string {
  return renderTable(
    [
      { title: 'RECORD' },
      { title: 'SINCE', minWidth: 11, isCutLast: true },
      { title: 'REASON' },
      { title: 'KEPT IN' },
      { title: 'WHAT', minWidth: 8 },
    ],
    records.map(({ record_id, at, reason, file, record }) => [
      { text: printable(record_id) },
      { text: formatTime(at) },
      { text: printable(reason), look: 'bad' },
      { text: file === null ? 'ledger' : 'file' },
      { text: printable(`${record?.kind ?? '?'} ${record?.name ?? '?'}`) },
    ]),
    terminal,
  );
}

function documentOf(location: string, content: Readonly<Record<string, unknown>>): string {
  return jsonDocument({ schema_version: JSON_SCHEMA_VERSION, ledger: shownLedger(location), ...content });
}
