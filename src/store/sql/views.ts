import { KEPT_IN_FILE } from '../single-loss.ts';
import type { SqlDialect } from './sql-dialect.ts';

/** Columns every view of runs has after its own ones. */
const commonColumns = (
  dialect: SqlDialect,
): string => `r.attempt, r.correlation_id, r.tenant, r.version, r.state, r.outcome,
  case when r.outcome in ('failure', 'error', 'timeout') then 'failed' else coalesce(r.outcome, r.state) end as status,
  r.started_at, r.ended_at,
  ${dialect.utcText('r.started_at')} as started_utc,
  case when r.outcome in ('skip', 'rejection') then null else r.duration_ms end as duration_ms,
  r.wait_ms, r.suspended_ms, r.error, r.error_type, r.error_code, r.error_message, r.error_fingerprint`;

const TAIL = `r.recovered_failures, r.skip_reason, r.rejection_reason, r.work_units, r.rows_in, r.rows_out,
  r.source, r.target, r.cost_usd_micros, r.tokens_in, r.tokens_out, r.sample_rate, r.keep_reason, r.trace_id, r.span_id,
  r.parent_record_id, r.worker_id, r.service_name, r.service_version, r.instance_id, r.host, r.pid`;

/** Of an instance in `lost_records`: the highest number it is known to have given out; rows may be all that a power cut left of it. */
const LAST_SEQ = 'case when coalesce(r.highest, 0) > i.last_seq then r.highest else i.last_seq end';
/** Numbers that nothing in the ledger explains. Of those: what is in files of the quarantine, and what a guess may have. */
const UNTOLD = `(${LAST_SEQ} - coalesce(r.held, 0) - coalesce(q.quarantined, 0) - i.pruned - coalesce(l.told, 0))`;
const IN_FILES = atMost('l.in_files', UNTOLD);
const GUESSED = atMost('l.guessed', `(${UNTOLD} - ${IN_FILES})`);

const FAILED_STEP = 'r.failed_step, r.failed_record_id as failed_step_run_id';

/**
 * Views by name. Times are milliseconds since the Unix epoch, `started_utc` the same as text. `status` is
 * `success`, `failed` (failure, error, timeout) or the outcome itself; `duration_ms` is NULL for what was skipped
 * or rejected, so that averages and percentiles are of work that was done.
 */
export function viewsOf(dialect: SqlDialect): Readonly<Record<string, string>> {
  const COMMON = commonColumns(dialect);
  return {
    /** One row a pipeline execution, also of pipelines inside pipelines. */
    pipeline_runs: `select r.run_id, r.record_id as pipeline_run_id, r.name as pipeline, ${COMMON}, ${FAILED_STEP}, ${TAIL}
from execution_records r where r.kind = 'pipeline'`,

    /** One row a process execution. */
    process_runs: `select r.run_id, r.record_id as process_run_id, r.pipeline, r.name as process, ${COMMON}, ${FAILED_STEP}, ${TAIL}
from execution_records r where r.kind = 'process'`,

    /** One row a step execution; `process_run_id` is NULL for a step that lies in no process. */
    step_runs: `select r.run_id, r.record_id as step_run_id, p.record_id as process_run_id, r.pipeline, r.name as step, ${COMMON}, ${TAIL}
from execution_records r
left join execution_records p on p.record_id = r.parent_record_id and p.kind = 'process'
where r.kind = 'step'`,

    /** The outermost execution of every run that failed, with the step its failure started at. */
    failed_runs: `select r.run_id, r.record_id, r.kind, r.pipeline, r.name, ${COMMON}, ${FAILED_STEP}, r.failed_count, r.final, ${TAIL}
from execution_records r where r.parent_record_id is null and r.outcome in ('failure', 'error', 'timeout')`,

    /**
     * How often executions of each name fail. A record kept with probability \`sample_rate\` stands for 1/sample_rate
     * executions, so the sums are those of all executions, kept or not. Skipped and rejected ones count as executions
     * of neither kind and are not in the durations.
     */
    outcome_rates: `select kind, pipeline, name,
  count(*) as records,
  sum(1.0 / nullif(sample_rate, 0)) as executions,
  sum(case when outcome in ('failure', 'error', 'timeout') then 1.0 / nullif(sample_rate, 0) else 0.0 end) as failures,
  sum(case when outcome in ('failure', 'error', 'timeout') then 1.0 / nullif(sample_rate, 0) else 0.0 end)
    / sum(1.0 / nullif(sample_rate, 0)) as failure_rate,
  sum(duration_ms / nullif(sample_rate, 0)) / sum(case when duration_ms is not null then 1.0 / nullif(sample_rate, 0) end)
    as mean_duration_ms,
  max(duration_ms) as max_duration_ms
from execution_records
where state = 'ended' and outcome not in ('skip', 'rejection')
group by kind, pipeline, name`,

    /**
     * One row a life of a process that wrote: of the \`last_seq\` records it numbered, where each is. \`missing\` is what is
     * still on its way while the process lives, and has to be 0 once it ended. \`lost_unnumbered\` are records that were
     * lost before they had a number. What is in quarantine is a row there, or in a file where the table did not take it. How many
     * records a damaged file held is a guess, which gives way to what is known: some of them may have been stored before.
     * (\`stored\` alone is a word of MySQL's own.)
     */
    lost_records: `select i.instance_id, i.service_name, i.service_version, i.host, i.pid, i.durability,
  i.started_at, i.heartbeat_at, i.ended_at, ${LAST_SEQ} as last_seq, i.sampled_out,
  coalesce(r.held, 0) as stored_records, coalesce(q.quarantined, 0) + ${IN_FILES} as quarantined, i.pruned,
  coalesce(l.told, 0) + ${GUESSED} as lost, coalesce(l.lost_unnumbered, 0) as lost_unnumbered,
  ${UNTOLD} - ${IN_FILES} - ${GUESSED} as missing
from ledger_instances i
left join (select instance_id, count(*) as held, max(seq) as highest from execution_records where seq > 0 group by instance_id) r
  on r.instance_id = i.instance_id
left join (select instance_id, count(*) as quarantined from record_quarantine where seq > 0 and not exists (
    select 1 from execution_records e where e.record_id = record_quarantine.record_id and e.rev >= record_quarantine.rev
  ) group by instance_id) q
  on q.instance_id = i.instance_id
left join (select instance_id,
    sum(case when last_seq > 0 and reason not in ('corrupt_frame', '${KEPT_IN_FILE}') then records else 0 end) as told,
    sum(case when last_seq > 0 and reason = 'corrupt_frame' then records else 0 end) as guessed,
    sum(case when reason = '${KEPT_IN_FILE}' then records else 0 end) as in_files,
    sum(case when last_seq > 0 then 0 else records end) as lost_unnumbered
    from record_losses group by instance_id) l
  on l.instance_id = i.instance_id`,
  };
}

/** A count, where there is room for it. */
function atMost(count: string, room: string): string {
  return `case when ${room} <= 0 then 0 when coalesce(${count}, 0) < ${room} then coalesce(${count}, 0) else ${room} end`;
}
