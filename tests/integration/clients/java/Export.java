import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Scope;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.trace.OtlpGrpcSpanExporter;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;

/** Export grpc|http ENDPOINT: sends one trace of two spans (http: gzip), prints its id. */
public final class Export {
  public static void main(String[] args) {
    SpanExporter exporter =
        args[0].equals("grpc")
            ? OtlpGrpcSpanExporter.builder().setEndpoint(args[1]).build()
            : OtlpHttpSpanExporter.builder().setEndpoint(args[1]).setCompression("gzip").build();
    SdkTracerProvider provider =
        SdkTracerProvider.builder()
            .setResource(
                Resource.create(
                    Attributes.of(AttributeKey.stringKey("service.name"), "java-client")))
            .addSpanProcessor(BatchSpanProcessor.builder(exporter).build())
            .build();
    Tracer tracer = provider.get("test");
    Span parent = tracer.spanBuilder("parent").startSpan();
    try (Scope ignored = parent.makeCurrent()) {
      tracer.spanBuilder("child").setAttribute("http.status_code", 200).startSpan().end();
    }
    parent.end();
    provider.close();
    System.out.println(parent.getSpanContext().getTraceId());
  }
}
