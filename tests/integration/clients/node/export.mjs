// node export.mjs grpc|proto|http ENDPOINT: sends one trace of two spans, prints its id.
import { OTLPTraceExporter as GrpcExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtoExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { trace, context } from '@opentelemetry/api';

const [kind, url] = process.argv.slice(2);
const Exporter = { grpc: GrpcExporter, proto: ProtoExporter, http: JsonExporter }[kind];
const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ 'service.name': 'node-client' }),
  spanProcessors: [new BatchSpanProcessor(new Exporter({ url }))],
});
const tracer = provider.getTracer('test');
const parent = tracer.startSpan('parent');
const child = tracer.startSpan('child', {}, trace.setSpan(context.active(), parent));
child.setAttribute('http.status_code', 200);
child.end();
parent.end();
await provider.shutdown();
console.log(parent.spanContext().traceId);
