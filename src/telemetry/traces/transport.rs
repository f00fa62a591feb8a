//! How a batch reaches the collector: OTLP over HTTP, or over gRPC, which is HTTP/2 with a frame around the message.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::{BodyExt, Limited};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use prost::Message;
use reqwest::redirect::Policy;
use rustls::pki_types::CertificateDer;
use url::Url;

use mfa_gateway_keys::is_direct;
use mfa_gateway_wire::BoxError;

/// The limit on the bytes read of a response.
const MAX_ANSWER: usize = 64 << 10;

/// The service's method (`opentelemetry/proto/collector/trace/v1/trace_service.proto`).
const METHOD: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// The destination of traces. Two with the same settings can be one.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceSettings {
    /// The collector's address.
    pub endpoint: Url,
    /// Its protocol.
    pub protocol: TraceProtocol,
    /// The fraction of the requests without a parent that is sampled: from 0 to 1.
    pub sampling: f64,
    /// `service.name`.
    pub service_name: String,
    /// How long an export may take.
    pub timeout: Duration,
    /// The extra fields of each export, such as a key.
    pub headers: HeaderMap,
    /// The certificate authorities that may issue the collector's certificate, besides the system's.
    pub authorities: Vec<CertificateDer<'static>>,
    /// The files that the last two come from.
    pub files: Vec<std::path::PathBuf>,
}

/// The protocol of a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceProtocol {
    /// OTLP/gRPC.
    Grpc,
    /// OTLP/HTTP, as binary Protobuf.
    Http,
}

/// Why a batch didn't arrive.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExportError {
    #[error("the request failed")]
    Request(#[from] reqwest::Error),
    #[error("the response could not be read")]
    Answer(#[source] BoxError),
    #[error("the response status is {0}")]
    Status(StatusCode),
    #[error("the response has grpc-status {0}")]
    Grpc(u32),
}

impl ExportError {
    /// Whether another attempt can help (OTLP 1.x, "Failures").
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Request(_) | Self::Answer(_) => true,
            Self::Status(status) => matches!(status.as_u16(), 429 | 502..=504),
            // Cancelled, deadline exceeded, aborted, out of range, unavailable, data loss.
            Self::Grpc(status) => matches!(status, 1 | 4 | 10 | 11 | 14 | 15),
        }
    }
}

/// A client of the collector.
#[derive(Debug)]
pub(super) struct Transport {
    client: reqwest::Client,
    url: Url,
    protocol: TraceProtocol,
    headers: HeaderMap,
}

impl Transport {
    pub(super) fn new(settings: &TraceSettings) -> Result<Self, reqwest::Error> {
        let authorities: Result<Vec<_>, _> =
            settings.authorities.iter().map(|der| reqwest::Certificate::from_der(der)).collect();
        let mut builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .timeout(settings.timeout)
            .pool_max_idle_per_host(1)
            .tls_certs_merge(authorities?)
            .user_agent(concat!("mfa-gateway/", env!("CARGO_PKG_VERSION")));
        if is_direct(&settings.endpoint) {
            builder = builder.no_proxy();
        }
        let mut url = settings.endpoint.clone();
        let mut headers = settings.headers.clone();
        match settings.protocol {
            TraceProtocol::Grpc => {
                builder = builder.http2_prior_knowledge();
                url.set_path(METHOD);
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
                headers.insert(TE, HeaderValue::from_static("trailers"));
            }
            TraceProtocol::Http => {
                // As in OTEL_EXPORTER_OTLP_ENDPOINT: an address without a path is a collector's, otherwise it is
                // complete.
                if url.path() == "/" {
                    url.set_path("/v1/traces");
                }
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
            }
        }
        Ok(Self { client: builder.build()?, url, protocol: settings.protocol, headers })
    }

    /// Sends a batch, and returns how many of its spans the collector rejected.
    pub(super) async fn send(&self, request: &ExportTraceServiceRequest) -> Result<u64, ExportError> {
        let message = request.encode_to_vec();
        let body = match self.protocol {
            TraceProtocol::Http => Bytes::from(message),
            TraceProtocol::Grpc => frame(&message),
        };
        let answer = self.client.post(self.url.clone()).headers(self.headers.clone()).body(body).send().await?;
        if answer.status() != StatusCode::OK {
            return Err(ExportError::Status(answer.status()));
        }
        let (head, body) = http::Response::<reqwest::Body>::from(answer).into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(ExportError::Answer)?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        let mut message = body.to_bytes();
        if self.protocol == TraceProtocol::Grpc {
            match status(&trailers).or_else(|| status(&head.headers)) {
                Some(0) => {}
                // `UNKNOWN`, if there is no status.
                other => return Err(ExportError::Grpc(other.unwrap_or(2))),
            }
            message = message.slice(5.min(message.len())..);
        }
        // A collector that returns 200 with another body has still accepted the batch.
        let partial = ExportTraceServiceResponse::decode(message).ok().and_then(|answer| answer.partial_success);
        Ok(partial.map_or(0, |partial| u64::try_from(partial.rejected_spans).unwrap_or(0)))
    }
}

/// gRPC's frame: the flag for no compression, and the length.
fn frame(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::with_capacity(message.len() + 5);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(message);
    framed.freeze()
}

fn status(fields: &HeaderMap) -> Option<u32> {
    fields.get(HeaderName::from_static("grpc-status"))?.to_str().ok()?.parse().ok()
}
