import { isSpanContextValid, type Link, type SpanContext } from '@opentelemetry/api';
import { ATTR_LINK_KIND } from '../semconv.ts';
import type { Execution } from './execution-handle.ts';
import { spanContextFromTraceparent } from './traceparent.ts';

/** What a link says of the execution it points to: it is tried again, gone on with, done once more, or caused this one. */
export type LinkKind = 'retry' | 'resume' | 'replay' | 'trigger';

/** What a link can point to: an execution, a span, or a W3C `traceparent` as another process wrote it. */
export type LinkTarget = Execution | SpanContext | string | undefined;

/**
 * Links to what an execution retries, resumes, replays or was triggered by, for its option `links`. Targets that are
 * no valid span are left out, so a header from outside can be passed as it came. Never throws.
 */
export function linksTo(kind: LinkKind, ...targets: readonly LinkTarget[]): readonly Link[] {
  const links: Link[] = [];
  for (const target of targets) {
    const context = spanContextOf(target);
    if (context !== undefined && isSpanContextValid(context))
      links.push({ context, attributes: { [ATTR_LINK_KIND]: kind } });
  }
  return links;
}

function spanContextOf(target: LinkTarget): SpanContext | undefined {
  if (typeof target !== 'object' || target === null) return spanContextFromTraceparent(target);
  return 'span' in target ? target.span.spanContext() : target;
}
