import { readFileSync, writeFileSync } from 'node:fs';

/**
 * A span processor that keeps what a span processor sees, in the order it sees it: each span when it starts and when it
 * ends. `save` writes it beside the script, as the golden file that the tests replay.
 */
export class SpanRecorder {
  events = [];

  onStart(span) {
    this.events.push({ on: 'start', span: spanData(span) });
  }

  onEnd(span) {
    this.events.push({ on: 'end', span: spanData(span) });
  }

  async forceFlush() {}

  async shutdown() {}

  save(folder, name, how, packages) {
    const versions = Object.fromEntries(
      packages.map((each) => {
        const manifest = readFileSync(new URL(`node_modules/${each}/package.json`, folder), 'utf8');
        return [each, JSON.parse(manifest).version];
      }),
    );
    const here = new URL('.', folder);
    const lines = this.events
      .map((event) => `    ${JSON.stringify(event)}`)
      .join(',\n')
      .replaceAll(here.href, 'file:///app/')
      .replaceAll(here.pathname, '/app/');
    const head = JSON.stringify({ how, versions }, undefined, 2).slice(0, -2);
    writeFileSync(new URL(`../golden/${name}.json`, folder), `${head},\n  "events": [\n${lines}\n  ]\n}\n`);
    process.stdout.write(`${name}: ${this.events.length} events\n`);
  }
}

/** What a processor can read of a span, of SDK 1.x, 2.x and 3.x. */
function spanData(span) {
  const { name, kind, startTime, endTime, duration, ended } = span;
  const { status, attributes, events, links } = span;
  const context = ({ traceId, spanId, traceFlags, isRemote }) => ({
    traceId,
    spanId,
    traceFlags,
    ...(isRemote && { isRemote }),
  });
  // Attributes may be anything where a library makes its spans itself, also functions.
  const data = {
    name,
    kind,
    spanContext: context(span.spanContext()),
    ...(span.parentSpanContext && { parentSpanContext: context(span.parentSpanContext) }),
    ...(span.parentSpanId && { parentSpanId: span.parentSpanId }),
    startTime,
    endTime,
    duration,
    ended,
    status,
    attributes,
    events: events.map((event) => ({ name: event.name, time: event.time, attributes: event.attributes })),
    links: links.map((link) => ({ context: context(link.context), attributes: link.attributes })),
    ...(span.instrumentationScope && {
      instrumentationScope: {
        name: span.instrumentationScope.name,
        version: span.instrumentationScope.version,
      },
    }),
    ...(span.instrumentationLibrary && { instrumentationLibrary: span.instrumentationLibrary }),
  };
  return JSON.parse(JSON.stringify(data));
}
