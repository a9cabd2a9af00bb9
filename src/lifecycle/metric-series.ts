import type { Attributes } from '@opentelemetry/api';
import type { ExecutionKind, Outcome } from '../execution.ts';
import {
  ATTR_ERROR_TYPE,
  ATTR_KIND,
  ATTR_NAME,
  ATTR_OUTCOME,
  ATTR_PIPELINE_NAME,
  ERROR_TYPE_OTHER,
  NAME_OTHER,
} from '../semconv.ts';

/** What the metrics of an execution are told apart by. */
export interface MetricIdentity {
  readonly kind: ExecutionKind;
  readonly name: string;
  /** The nearest enclosing pipeline, the execution itself included. */
  readonly pipeline: string | undefined;
}

interface Series {
  readonly identity: Attributes;
  readonly success: Attributes;
  /** By outcome and error type; made by the first execution that ends so. */
  readonly others: Map<string, Attributes>;
}

/** Series whose attribute objects are kept; beyond it they are made anew each time. */
const MAX_CACHED = 4_096;

/**
 * The attribute objects of metrics, made once for each series and bounded: names beyond `maxNames` of one kind, and
 * error types beyond as many, share one series, so a name made from an id can not fill the memory of the process
 * or of the metrics backend.
 */
export class MetricSeries {
  readonly #maxNames: number;
  readonly #known = new Map<string, Set<string>>();
  readonly #cache = new Map<string | undefined, Map<ExecutionKind, Map<string, Series>>>();
  #cached = 0;

  constructor(maxNames: number) {
    this.#maxNames = maxNames;
  }

  /** Attributes of an execution, however it went. */
  identity(execution: MetricIdentity): Attributes {
    return this.#seriesOf(execution).identity;
  }

  /** Attributes of an execution that ended. */
  ended(execution: MetricIdentity, outcome: Outcome, errorType: string | undefined): Attributes {
    const series = this.#seriesOf(execution);
    if (outcome === 'success') return series.success;
    const type = this.errorType(errorType);
    const key = type === undefined ? outcome : `${outcome} ${type}`;
    const found = series.others.get(key);
    if (found !== undefined) return found;
    const attributes: Attributes = { ...series.identity, [ATTR_OUTCOME]: outcome };
    if (type !== undefined) attributes[ATTR_ERROR_TYPE] = type;
    if (this.#cached < MAX_CACHED) {
      this.#cached++;
      series.others.set(key, attributes);
    }
    return attributes;
  }

  errorType(type: string | undefined): string | undefined {
    return type === undefined ? undefined : this.#bounded('error type', type, ERROR_TYPE_OTHER);
  }

  interruptKind(kind: string): string {
    return this.#bounded('interrupt kind', kind, NAME_OTHER);
  }

  #seriesOf({ kind, name, pipeline }: MetricIdentity): Series {
    const found = this.#cache.get(pipeline)?.get(kind)?.get(name);
    return found ?? this.#makeSeries(kind, name, pipeline);
  }

  #makeSeries(kind: ExecutionKind, name: string, pipeline: string | undefined): Series {
    const boundedName = this.#bounded(kind, name, NAME_OTHER);
    const boundedPipeline =
      pipeline === undefined ? undefined : this.#bounded('pipeline', pipeline, NAME_OTHER);
    if (boundedName !== name || boundedPipeline !== pipeline) {
      const found = this.#cache.get(boundedPipeline)?.get(kind)?.get(boundedName);
      if (found !== undefined) return found;
    }
    const identity: Attributes = {
      [ATTR_KIND]: kind,
      ...(boundedPipeline !== undefined && { [ATTR_PIPELINE_NAME]: boundedPipeline }),
      [ATTR_NAME]: boundedName,
    };
    const series = { identity, success: { ...identity, [ATTR_OUTCOME]: 'success' }, others: new Map() };
    if (this.#cached < MAX_CACHED) {
      this.#cached++;
      const kinds = getOrMake(
        this.#cache,
        boundedPipeline,
        () => new Map<ExecutionKind, Map<string, Series>>(),
      );
      getOrMake(kinds, kind, () => new Map<string, Series>()).set(boundedName, series);
    }
    return series;
  }

  /** The value itself while there are few of its sort, else what stands for all the others. */
  #bounded(sort: string, value: string, other: string): string {
    const known = getOrMake(this.#known, sort, () => new Set<string>());
    if (known.has(value)) return value;
    if (known.size >= this.#maxNames) return other;
    known.add(value);
    return value;
  }
}

function getOrMake<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
